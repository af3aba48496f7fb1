-- 3: the pattern has a '[' without ']'
-- GET /x
-- @param a text pattern [a
SELECT 1;
