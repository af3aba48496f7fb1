-- 3: parameter "?1": write :name
-- GET /x
SELECT ?1;
