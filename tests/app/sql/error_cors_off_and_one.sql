-- 3: "off" stands alone behind @cors
-- GET /x
-- @cors off https://a.example
SELECT 1;
