-- 3: @cache needs a duration, as 30m
-- GET /x
-- @cache long
SELECT 1;
