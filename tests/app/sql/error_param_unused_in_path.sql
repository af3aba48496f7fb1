-- 2: the parameter "id" is never used
-- GET /x/{id}
SELECT 1;
