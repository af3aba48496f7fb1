-- 3: @status is from 200 to 299
-- GET /x
-- @status 404
SELECT 1;
