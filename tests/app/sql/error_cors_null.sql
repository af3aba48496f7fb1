-- 3: "null" is no origin as browsers send it, as https://app.example.com or http://localhost:3000
-- GET /x
-- @cors null
SELECT 1;
