-- 3: unknown type "int": integer, real, text, boolean, date, datetime, json or blob
-- GET /x
-- @param id int
SELECT 1;
