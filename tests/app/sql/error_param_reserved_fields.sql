-- 3: the parameter name "fields" is reserved
-- GET /x
-- @param fields text
SELECT 1;
