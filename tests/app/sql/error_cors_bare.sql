-- 3: @cors needs origins, * or off
-- GET /x
-- @cors
SELECT 1;
