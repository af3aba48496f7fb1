-- 4: SAVEPOINT is not allowed here
-- GET /x
SELECT 1;
SAVEPOINT a;
