-- 3: @param needs a name and a type
-- GET /x
-- @param id
SELECT 1;
