-- 4: @each needs the name of an array
-- POST /x
-- @auth public
-- @each
SELECT 1;
