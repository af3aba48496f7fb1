-- 3: @warm does not go with @auth user
-- GET /x
-- @warm
-- @auth user
SELECT 1;
