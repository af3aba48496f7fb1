-- 3: the choice "9" is beyond min or max
-- GET /x
-- @param a integer in 1,9 max 5
SELECT 1;
