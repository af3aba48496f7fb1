-- 3: @page 50 is more than its max 20
-- GET /x
-- @page 50 max 20
SELECT 1;
