-- 3: @page needs a number of rows from 1 to 1000000
-- GET /x
-- @page 0
SELECT 1;
