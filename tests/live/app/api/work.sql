-- GET /forever
-- Never ends by itself.
-- @timeout 300ms
-- @one
WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c)
SELECT count(*) AS n FROM c;

-- GET /work
-- Takes a while: about 0.1 s for a million.
-- @param n integer default 1000000 max 100000000
-- @timeout 30s
-- @one
SELECT count(*) AS n FROM (
    WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c LIMIT :n)
    SELECT x FROM c);

-- GET /long
-- An answer of :n lines of 100 bytes.
-- @param n integer default 50000 max 500000
-- @timeout 30s
WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c LIMIT :n)
SELECT printf('%088d', x) AS text FROM c;

-- POST /echo
-- Says back what it was told.
-- @auth public
-- @param text text max 1000000
-- @param n integer
-- @one
SELECT :text AS text, :n AS n, length(:text) AS length;
