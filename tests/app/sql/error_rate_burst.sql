-- 3: burst needs a number from 1 to 1000000
-- GET /x
-- @rate 10/s burst many
SELECT 1;
