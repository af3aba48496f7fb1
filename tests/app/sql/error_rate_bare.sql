-- 3: @rate needs a number of requests in a second, minute or hour, as 10/s 10/m 10/h
-- GET /x
-- @rate 10
SELECT 1;
