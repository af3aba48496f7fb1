-- 3: the default "x" does not match the pattern
-- GET /x
-- @param a text default x pattern [a-c]+
SELECT 1;
