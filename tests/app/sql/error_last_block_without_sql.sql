-- 4: a block without SQL
-- GET /x
SELECT 1;
-- GET /y
;;
