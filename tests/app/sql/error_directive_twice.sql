-- 4: @http is said twice
-- GET /x
-- @http no-store
-- @http no-cache
SELECT 1;
