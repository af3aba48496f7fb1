-- 2: "" is no name for a job
-- EVERY 5m
SELECT 1;
