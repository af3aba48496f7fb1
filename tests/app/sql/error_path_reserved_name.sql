-- 2: the parameter name "limit" is reserved
-- GET /{limit}
SELECT :limit;
