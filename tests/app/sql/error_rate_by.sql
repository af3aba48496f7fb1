-- 3: by needs user, token or address
-- GET /x
-- @rate 10/s by planet
SELECT 1;
