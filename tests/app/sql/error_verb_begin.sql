-- 4: BEGIN is not allowed here
-- GET /x
SELECT 1;
begin;
