-- 3: parameter ":x": write :name
-- GET /x
SELECT :x(1);
