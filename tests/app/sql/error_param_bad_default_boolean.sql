-- 3: "yes" is no boolean
-- GET /x
-- @param a boolean default yes
SELECT 1;
