-- 3: @warm needs @cache: there is nothing to keep
-- GET /x
-- @warm
SELECT 1;
