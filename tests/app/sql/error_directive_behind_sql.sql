-- 3: directive below the SQL
-- GET /x
SELECT 1; -- @one
