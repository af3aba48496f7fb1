-- 3: unknown directive @xyzzy
-- GET /x
-- @xyzzy 30m
SELECT 1;
