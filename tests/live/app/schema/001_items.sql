CREATE TABLE items (
    id   INTEGER PRIMARY KEY,
    name TEXT NOT NULL UNIQUE CHECK (name <> 'bad'),
    size INTEGER CHECK (size > 0)
) STRICT;

WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 50)
INSERT INTO items (id, name, size) SELECT i, 'item ' || i, i * 10 FROM n;
