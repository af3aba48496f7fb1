-- 3: "maybe" is no boolean
-- GET /x
-- @param a boolean default maybe
SELECT 1;
