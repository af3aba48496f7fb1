-- GET /items
-- @page 20 max 100
-- @cache 1m
SELECT id, name, size FROM items ORDER BY id;

-- GET /items/{id}
-- @param id integer min 1
-- @one
SELECT id, name, size FROM items WHERE id = :id;

-- GET /account
-- @auth user
-- @one
SELECT :auth.user_id AS id;

-- GET /dear
-- A dear question: some tenths of a second, most of them in a sort.
-- @param n integer default 200000 max 2000000
-- @timeout 5s
-- @one
SELECT count(*) AS n, max(x) AS top FROM (
    WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c LIMIT :n)
    SELECT x FROM c ORDER BY x * 2654435761 % 1000003);

-- GET /long
-- An answer of :n lines of 100 bytes.
-- @param n integer default 20000 max 50000
WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c LIMIT :n)
SELECT printf('%088d', x) AS text FROM c;

-- POST /orders
-- @auth public
-- @param name text required max 80
-- @one
-- @status 201
INSERT INTO orders (name) VALUES (:name) RETURNING id, name;
