-- 2: the path segment "{id" is not a {name}
-- GET /{id
SELECT :id;
