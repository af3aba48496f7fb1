-- GET /x
SELECT 1;
