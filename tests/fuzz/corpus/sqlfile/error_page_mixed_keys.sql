-- 3: the keys of @page rise or fall together
-- GET /x
-- @page key=-a,b 20
SELECT 1;
