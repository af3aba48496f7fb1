-- 3: @warm does not go with the required parameter "id"
-- GET /x/{id}
-- @warm
SELECT :id;
