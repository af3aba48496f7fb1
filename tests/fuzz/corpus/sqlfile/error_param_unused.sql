-- 3: the parameter "q" is never used
-- GET /x
-- @param q text
SELECT ':q', 1 -- :q
;
