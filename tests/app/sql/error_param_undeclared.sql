-- 4: undeclared parameter :idd
-- GET /x/{id}
SELECT :id,
       :idd;
