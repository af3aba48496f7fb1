-- 2: unknown method HEAD: GET, POST, PUT, PATCH or DELETE
-- HEAD /x
SELECT 1;
