-- 3: a value is missing
-- GET /x
-- @param a text in a,
SELECT 1;
