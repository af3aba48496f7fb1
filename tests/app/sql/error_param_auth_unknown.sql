-- 3: unknown parameter :auth.name: only :auth.user_id and :auth.role come from the token
-- GET /x
SELECT :auth.name;
