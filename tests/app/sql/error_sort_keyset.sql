-- 4: @sort does not go with @page key=…
-- GET /x
-- @page key=id 20
-- @sort id
SELECT 1;
