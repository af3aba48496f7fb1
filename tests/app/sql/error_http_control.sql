-- 3: @http takes only printable ASCII
-- GET /x
-- @http nostore
SELECT 1;
