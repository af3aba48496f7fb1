-- 4: @page is only for GET
-- POST /x
-- @auth public
-- @page 20
SELECT 1;
