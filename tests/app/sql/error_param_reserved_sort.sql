-- 3: the parameter name "sort" is reserved
-- GET /x
-- @param sort text
SELECT 1;
