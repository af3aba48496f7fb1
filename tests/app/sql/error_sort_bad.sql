-- 3: "a b" is no name of a column
-- GET /x
-- @sort a b
SELECT 1;
