-- 3: the parameter name "offset" is reserved
-- GET /x
-- @param offset text
SELECT 1;
