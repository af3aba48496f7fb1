-- 3: @param needs a name and a type
-- GET /x
-- @param
SELECT 1;
