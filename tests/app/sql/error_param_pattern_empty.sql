-- 3: the pattern is missing
-- GET /x
-- @param a text pattern
SELECT 1;
