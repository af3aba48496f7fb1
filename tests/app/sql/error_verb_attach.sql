-- 4: ATTACH is not allowed here
-- GET /x
SELECT 1;
ATTACH 'x' AS y;
