-- 2: the path has an empty segment
-- GET /x/
SELECT 1;
