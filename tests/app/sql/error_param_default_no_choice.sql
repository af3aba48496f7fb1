-- 3: the default "c" is none of the choices
-- GET /x
-- @param a text default c in a,b
SELECT 1;
