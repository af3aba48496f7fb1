-- 2: EVERY needs a duration from 1s, as 5m
-- EVERY 5x clean
SELECT 1;
