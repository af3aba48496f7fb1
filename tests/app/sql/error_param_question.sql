-- 3: parameter "?": write :name
-- GET /x
SELECT ?;
