-- 3: @page n max m: m is from n to 1000000
-- GET /x
-- @page 20 most 50
SELECT 1;
