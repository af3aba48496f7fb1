-- 3: the pattern has an open '('
-- GET /x
-- @param a text pattern (a
SELECT 1;
