-- 4: @warm is only for GET
-- POST /x
-- @auth public
-- @warm
SELECT 1;
