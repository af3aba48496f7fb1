-- 4: this quote is never closed
-- GET /x
SELECT 1,
       'it''s
-- GET /y
SELECT 2;
