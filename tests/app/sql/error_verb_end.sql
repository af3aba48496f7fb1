-- 4: END is not allowed here
-- GET /x
SELECT 1;
End;
