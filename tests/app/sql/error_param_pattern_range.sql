-- 3: the pattern does not compile: Invalid range end
-- GET /x
-- @param a text pattern [z-a]
SELECT 1;
