-- 3: @http takes only printable ASCII
-- GET /x
-- @http größe
SELECT 1;
