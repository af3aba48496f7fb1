-- 4: PRAGMA is not allowed here
-- GET /x
SELECT 1;
PRAGMA user_version;
