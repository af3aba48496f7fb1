-- 2: SQL before the first block
SELECT 1;
-- GET /x
SELECT 2;
