-- 4: @one does not go with @many
-- GET /x
-- @one
-- @many
SELECT 1;
