-- 3: required and default exclude each other
-- GET /x
-- @param a integer required default 1
SELECT 1;
