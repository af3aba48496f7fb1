-- 4: @sort does not go with @value
-- GET /x
-- @sort a
-- @value
SELECT 1;
