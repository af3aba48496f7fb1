-- 4: @each is only for methods with a body
-- DELETE /x
-- @auth public
-- @each items
SELECT 1;
