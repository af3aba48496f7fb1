-- 3: @page needs exactly one statement
-- GET /x
-- @page 20
SELECT 1; SELECT 2;
