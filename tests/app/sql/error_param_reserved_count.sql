-- 3: the parameter name "count" is reserved
-- GET /x
-- @param count text
SELECT 1;
