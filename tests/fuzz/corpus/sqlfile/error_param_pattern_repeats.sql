-- 3: the pattern repeats too much
-- GET /x
-- @param a text pattern (((a{1,200}){1,200}){1,200})
SELECT 1;
