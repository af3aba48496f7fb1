-- 3: back-references are not allowed in patterns
-- GET /x
-- @param a text pattern (a*)*\1
SELECT 1;
