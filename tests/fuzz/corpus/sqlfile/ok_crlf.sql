-- GET /x
-- First.
--
-- Second.
-- @one
-- @http no-store
SELECT 1,
       2;
