-- 3: "*" stands alone behind @cors
-- GET /x
-- @cors https://a.example *
SELECT 1;
