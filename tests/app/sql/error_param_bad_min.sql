-- 3: "x" is no integer
-- GET /x
-- @param a integer min x
SELECT 1;
