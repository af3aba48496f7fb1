-- 3: @each is only for methods with a body
-- GET /x
-- @each items
SELECT 1;
