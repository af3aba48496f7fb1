-- 3: a value is missing
-- GET /x
-- @param a integer default
SELECT 1;
