-- 3: a limit beyond 2^53
-- GET /x
-- @param a integer max 9007199254740993
SELECT 1;
