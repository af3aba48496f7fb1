-- GET /everybody
-- @cors *
SELECT 1;

-- GET /some
-- @cors https://a.example  http://localhost:3000
SELECT 1;

-- GET /nobody
-- @cors off
SELECT 1;

-- GET /unsaid
SELECT 1;
