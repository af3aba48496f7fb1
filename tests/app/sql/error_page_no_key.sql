-- 3: "" is no name of a column
-- GET /x
-- @page key= 20
SELECT 1;
