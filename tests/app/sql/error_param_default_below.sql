-- 3: the default "0" is beyond min or max
-- GET /x
-- @param a integer default 0 min 1
SELECT 1;
