-- 2: the path segment "v{id}" is neither one {name} nor letters, digits and -._~
-- GET /v{id}
SELECT :id;
