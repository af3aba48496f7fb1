-- 4: ROLLBACK is not allowed here
-- GET /x
SELECT 1;
ROLLBACK;
