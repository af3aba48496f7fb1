-- 3: directive before the first block

-- @auth user
-- GET /x
SELECT 2;
