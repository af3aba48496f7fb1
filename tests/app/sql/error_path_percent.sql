-- 2: the path segment "a%20b" is neither one {name} nor letters, digits and -._~
-- GET /a%20b
SELECT 1;
