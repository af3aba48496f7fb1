-- 2: DAILY needs a time of day, as 03:30
-- DAILY 24:00 clean
SELECT 1;
