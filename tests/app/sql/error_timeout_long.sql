-- 3: @timeout needs a duration up to 1h, as 500ms
-- GET /x
-- @timeout 2h
SELECT 1;
