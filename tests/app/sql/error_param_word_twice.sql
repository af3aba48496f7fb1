-- 3: min is said twice
-- GET /x
-- @param a integer min 1 min 2
SELECT 1;
