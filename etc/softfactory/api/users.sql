-- GET /api/platform/users/me
-- The account behind the token.
-- @auth user
-- @one
-- @http private, no-cache
SELECT u.id, u.email, u.name, u.role, u.created_at,
       (SELECT c.id FROM chefs c WHERE c.user_id = u.id) AS chef_id
  FROM users u WHERE u.id = :auth.user_id AND u.is_active = 1;
