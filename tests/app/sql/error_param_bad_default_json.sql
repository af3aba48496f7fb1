-- 3: "{" is no json
-- GET /x
-- @param a json default {
SELECT 1;
