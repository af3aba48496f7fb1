-- 3: unknown word "from" in @rate: burst or by
-- GET /x
-- @rate 10/s from user
SELECT 1;
