-- 3: in does not apply to boolean
-- GET /x
-- @param a boolean in 0
SELECT 1;
