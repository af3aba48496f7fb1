-- 4: the parameter "a" is declared twice
-- GET /x
-- @param a text
-- @param a integer
SELECT :a;
