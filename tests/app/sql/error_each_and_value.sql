-- 5: @each does not go with @value
-- POST /x
-- @auth public
-- @value
-- @each items
SELECT 1;
