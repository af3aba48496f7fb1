-- 3: unknown word "requird" in @param: required, default, min, max, in or pattern
-- GET /x
-- @param a text requird
SELECT 1;
