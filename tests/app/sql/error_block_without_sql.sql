-- 3: a block without SQL

-- GET /x
-- Says nothing.
-- GET /y
SELECT 1;
