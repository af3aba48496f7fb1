-- 3: "abc" is no integer
-- GET /x
-- @param a integer default abc
SELECT 1;
