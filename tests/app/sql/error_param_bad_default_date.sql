-- 3: "2023-02-29" is no date
-- GET /x
-- @param a date default 2023-02-29
SELECT 1;
