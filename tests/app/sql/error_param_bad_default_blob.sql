-- 3: "QQ" is no blob
-- GET /x
-- @param a blob default QQ
SELECT 1;
