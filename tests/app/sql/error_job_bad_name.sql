-- 2: "clean up" is no name for a job
-- DAILY 03:30 clean up
SELECT 1;
