-- 3: a length cannot be negative
-- GET /x
-- @param a text min -1
SELECT 1;
