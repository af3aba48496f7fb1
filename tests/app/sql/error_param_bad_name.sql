-- 3: "i-d" is no name for a parameter
-- GET /x
-- @param i-d text
SELECT 1;
