-- 3: nothing may stand behind @one
-- GET /x
-- @one row
SELECT 1;
