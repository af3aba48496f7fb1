-- 6: GET /x/{b} is declared already at error_path_twice.sql:2
-- GET /x/{a}
SELECT :a;
-- GET /x/b
SELECT 1;
-- GET /x/{b}
SELECT :b;
