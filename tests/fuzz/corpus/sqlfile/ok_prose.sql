-- The chefs. GET means read.

-- GET /x
-- GET the chefs, and
-- EVERY review of them; DAILY news too. See and/or /etc.
--
--   @ five stars
SELECT 1 -- DELETE cascades
  -- EVERY row counts
  FROM t;
