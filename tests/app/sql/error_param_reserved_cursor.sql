-- 3: the parameter name "cursor" is reserved
-- GET /x
-- @param cursor text
SELECT 1;
