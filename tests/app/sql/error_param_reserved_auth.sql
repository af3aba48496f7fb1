-- 3: the parameter name "auth_user_id" is reserved
-- GET /x
-- @param auth_user_id text
SELECT 1;
