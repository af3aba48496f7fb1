-- 2: the path segment "{1d}" is not a {name}
-- GET /{1d}
SELECT 1;
