-- 2: unexpected text behind the path: and more
-- GET /x and more
SELECT 1;
