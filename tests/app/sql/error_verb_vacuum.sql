-- 4: VACUUM is not allowed here
-- GET /x
SELECT 1;
VACUUM;
