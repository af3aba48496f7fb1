-- 3: @http needs the text of Cache-Control
-- GET /x
-- @http
SELECT 1;
