-- 3: "https://a.example/" is no origin as browsers send it, as https://app.example.com or http://localhost:3000
-- GET /x
-- @cors https://a.example/
SELECT 1;
