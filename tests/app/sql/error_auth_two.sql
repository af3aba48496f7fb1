-- 3: @auth needs public, user, admin or a role
-- GET /x
-- @auth user admin
SELECT 1;
