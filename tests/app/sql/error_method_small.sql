-- 2: unknown method get: GET, POST, PUT, PATCH or DELETE
-- get /x
SELECT 1;
