-- 3: min 5 is more than max 4
-- GET /x
-- @param a integer min 5 max 4
SELECT 1;
