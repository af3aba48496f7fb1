-- 3: @sort needs exactly one statement
-- GET /x
-- @sort a
SELECT 1; SELECT 2;
