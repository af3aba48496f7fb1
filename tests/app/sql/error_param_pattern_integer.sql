-- 3: pattern applies only to text
-- GET /x
-- @param a integer pattern [0-9]+
SELECT 1;
