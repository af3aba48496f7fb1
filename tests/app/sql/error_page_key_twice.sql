-- 3: the column "id" is named twice
-- GET /x
-- @page key=id,id 20
SELECT 1;
