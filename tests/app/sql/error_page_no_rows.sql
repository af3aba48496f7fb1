-- 3: @page needs a number of rows from 1 to 1000000
-- GET /x
-- @page key=id
SELECT 1;
