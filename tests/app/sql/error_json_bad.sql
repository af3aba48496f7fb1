-- 3: "" is no name of a column
-- GET /x
-- @json a,
SELECT 1;
