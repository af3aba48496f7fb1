-- 3: the parameter name "limit" is reserved
-- GET /x
-- @param limit text
SELECT 1;
