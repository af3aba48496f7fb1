-- 3: min 2024-02-01 is more than max 2024-01-31
-- GET /x
-- @param a date min 2024-02-01 max 2024-01-31
SELECT 1;
