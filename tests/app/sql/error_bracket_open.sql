-- 3: this quote is never closed
-- GET /x
SELECT [a b
