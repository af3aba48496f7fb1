-- 5: @each does not go with @one
-- POST /x
-- @auth public
-- @each items
-- @one
SELECT 1;
