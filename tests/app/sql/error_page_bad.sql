-- 3: @page needs a number of rows from 1 to 1000000
-- GET /x
-- @page twenty
SELECT 1;
