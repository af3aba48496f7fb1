-- 3: the default "äöü" is beyond min or max
-- GET /x
-- @param a text default äöü max 2
SELECT 1;
