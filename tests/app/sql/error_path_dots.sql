-- 2: the path has a dot segment
-- GET /x/../y
SELECT 1;
