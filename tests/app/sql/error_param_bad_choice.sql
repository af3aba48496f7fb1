-- 3: "two" is no integer
-- GET /x
-- @param a integer in 1,two
SELECT 1;
