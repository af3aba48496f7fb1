-- 3: min and max do not apply to boolean
-- GET /x
-- @param a boolean min 0
SELECT 1;
