-- 4: @each name max n: n is from 1 to 100000
-- POST /x
-- @auth public
-- @each items max 0
SELECT 1;
