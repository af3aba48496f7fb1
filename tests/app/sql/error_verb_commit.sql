-- 4: COMMIT is not allowed here
-- GET /x
SELECT 1;
COMMIT;
