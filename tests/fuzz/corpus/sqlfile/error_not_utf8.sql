-- 4: not UTF-8
-- GET /x
SELECT 1,
'café';
