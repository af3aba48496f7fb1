-- 3: unknown directive @chache: did you mean @cache?
-- GET /x
-- @chache 30m
SELECT 1;
