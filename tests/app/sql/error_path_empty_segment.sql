-- 2: the path has an empty segment
-- GET /x//y
SELECT 1;
