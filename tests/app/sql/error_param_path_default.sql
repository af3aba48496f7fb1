-- 3: the parameter "id" stands in the path and needs no default
-- GET /x/{id}
-- @param id integer default 1
SELECT 1;
