-- 3: an open '
-- GET /x
-- @param a text default 'x
SELECT 1;
