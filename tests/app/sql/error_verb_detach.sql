-- 4: DETACH is not allowed here
-- GET /x
SELECT 1;
DETACH y;
