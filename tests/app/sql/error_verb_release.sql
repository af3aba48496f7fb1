-- 4: RELEASE is not allowed here
-- GET /x
SELECT 1;
RELEASE a;
