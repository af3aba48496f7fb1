-- 3: undeclared parameter :auth_user_id
-- GET /x
SELECT :auth_user_id;
