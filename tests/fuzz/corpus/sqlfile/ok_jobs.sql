-- EVERY 5m revenue
-- Sums up.
-- @timeout 1m
DELETE FROM revenue; INSERT INTO revenue SELECT 1;

-- DAILY 03:30 clean
DELETE FROM old;
