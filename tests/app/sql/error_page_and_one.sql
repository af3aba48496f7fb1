-- 4: @page does not go with @one
-- GET /x
-- @one
-- @page 20
SELECT 1;
