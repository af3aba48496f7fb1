-- 3: unknown directive @aprma: did you mean @param?
-- GET /x
-- @aprma a text
SELECT 1;
