-- 4: @cache is only for GET
-- PUT /x
-- @auth public
-- @cache 30m
SELECT 1;
