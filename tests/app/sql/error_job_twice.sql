-- 4: the job "clean" is declared already at error_job_twice.sql:2
-- EVERY 5m clean
SELECT 1;
-- DAILY 03:30 clean
SELECT 1;
