-- 3: @auth needs public, user, admin or a role
-- GET /x
-- @auth
SELECT 1;
