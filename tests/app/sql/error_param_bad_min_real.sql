-- 3: "1e999" is no real
-- GET /x
-- @param a real min 1e999
SELECT 1;
