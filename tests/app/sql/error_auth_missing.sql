-- 2: POST /x names no @auth: say `-- @auth public` to leave it open
-- POST /x
-- Open?
SELECT 1;
