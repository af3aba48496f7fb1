-- 3: a job takes only @timeout
-- EVERY 5m clean
-- @auth admin
SELECT 1;
