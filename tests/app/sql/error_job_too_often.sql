-- 2: EVERY needs a duration from 1s, as 5m
-- EVERY 500ms clean
SELECT 1;
