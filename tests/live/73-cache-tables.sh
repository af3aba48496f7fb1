#!/bin/bash
# Goal: whatever way a row is changed (views, triggers, also later ones,
# cascades, REPLACE, full-text tables …), every kept answer that showed it is
# computed anew; what was rolled back is never seen, and what has nothing to do
# with it stays kept.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/cache.sh"

make_app
cat >"$T/app/schema/002_books.sql" <<'SQL'
CREATE TABLE authors (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE);
CREATE TABLE books (
    id INTEGER PRIMARY KEY,
    author_id INTEGER REFERENCES authors ON DELETE CASCADE ON UPDATE CASCADE,
    title TEXT NOT NULL UNIQUE,
    pages INTEGER NOT NULL CHECK (pages > 0));
CREATE TABLE reviews (
    id INTEGER PRIMARY KEY,
    book_id INTEGER NOT NULL REFERENCES books ON DELETE CASCADE,
    stars INTEGER NOT NULL);
CREATE TABLE notes (
    id INTEGER PRIMARY KEY,
    book_id INTEGER REFERENCES books ON DELETE SET NULL, text TEXT);
CREATE TABLE tally (name TEXT PRIMARY KEY, n INTEGER) WITHOUT ROWID;
CREATE TABLE history (what TEXT);
CREATE VIEW shelf AS SELECT a.name, count(b.id) AS n, sum(b.pages) AS pages
  FROM authors a LEFT JOIN books b ON b.author_id = a.id GROUP BY a.id;
CREATE VIEW full_shelf AS SELECT name FROM shelf WHERE n > 1;
CREATE VIRTUAL TABLE found USING fts5(title, content='books', content_rowid='id');
CREATE VIRTUAL TABLE papers USING fts5(text);
CREATE TRIGGER book_in AFTER INSERT ON books BEGIN
    INSERT INTO found (rowid, title) VALUES (new.id, new.title);
    UPDATE tally SET n = n + 1 WHERE name = 'books';
END;
CREATE TRIGGER book_out AFTER DELETE ON books BEGIN
    INSERT INTO found (found, rowid, title) VALUES ('delete', old.id, old.title);
    UPDATE tally SET n = n - 1 WHERE name = 'books';
END;
CREATE TRIGGER shelf_in INSTEAD OF INSERT ON shelf BEGIN
    INSERT INTO authors (name) VALUES (new.name);
END;
INSERT INTO tally VALUES ('books', 0), ('other', 1);
INSERT INTO authors VALUES (1, 'Ada'), (2, 'Bob'), (3, 'Cyd'), (4, 'Dan');
INSERT INTO books VALUES (1, 1, 'red', 10), (2, 1, 'green', 20),
    (3, 2, 'blue', 30), (4, 3, 'grey', 40), (5, 3, 'black', 50);
INSERT INTO reviews VALUES (1, 1, 5), (2, 3, 4), (3, 4, 3), (4, 5, 2);
INSERT INTO notes VALUES (1, 1, 'good'), (2, 4, 'dim'), (3, 5, 'dark');
INSERT INTO papers VALUES ('one green sheet'), ('one blue sheet');
SQL

# Every read is there twice, kept and plain.
cat >"$T/reads" <<'SQL'
-- GET /kept/authors
-- @cache 1h
SELECT id, name FROM authors ORDER BY id;
-- GET /kept/books
-- @cache 1h
SELECT id, author_id, title, pages FROM books ORDER BY id;
-- GET /kept/reviews
-- @cache 1h
SELECT id, book_id, stars FROM reviews ORDER BY id;
-- GET /kept/notes
-- @cache 1h
SELECT id, book_id, text FROM notes ORDER BY id;
-- GET /kept/tally
-- @cache 1h
SELECT * FROM tally ORDER BY name;
-- GET /kept/history
-- @cache 1h
SELECT what FROM history ORDER BY rowid;
-- GET /kept/shelf
-- @cache 1h
SELECT * FROM shelf ORDER BY name;
-- GET /kept/full_shelf
-- @cache 1h
SELECT name FROM full_shelf ORDER BY name;
-- GET /kept/found
-- @cache 1h
SELECT rowid AS id, title FROM found('gr*') ORDER BY rowid;
-- GET /kept/papers
-- @cache 1h
SELECT rowid AS id, text FROM papers('sheet') ORDER BY rowid;
-- GET /kept/items
-- @cache 1h
SELECT count(*) AS n, sum(size) AS size FROM items;
-- GET /kept/stars
-- @cache 1h
-- @page 3 max 10
-- @sort name
SELECT a.name, (SELECT avg(stars) FROM reviews r JOIN books b
    ON b.id = r.book_id WHERE b.author_id = a.id) AS stars
  FROM authors a WHERE EXISTS (SELECT 1 FROM books WHERE author_id = a.id);
SQL
sed 's#^-- \(GET\|POST\|PUT\|DELETE\)#\n&#' "$T/reads" >"$T/app/api/kept.sql"
sed 's#/kept/#/plain/#; /@cache/d' "$T/app/api/kept.sql" >"$T/app/api/plain.sql"

cat >"$T/writes" <<'SQL'
-- POST /authors
-- @param name text required
-- @status 201
INSERT INTO authors (name) VALUES (:name);
-- POST /authors/returning
-- @param name text required
-- @one
INSERT INTO authors (name) VALUES (:name) RETURNING id, name;
-- PUT /authors/{id}
-- @param name text required
UPDATE authors SET name = :name WHERE id = :id;
-- PUT /authors/{id}/id
-- @param to integer required
UPDATE authors SET id = :to WHERE id = :id;
-- DELETE /authors/{id}
DELETE FROM authors WHERE id = :id;
-- PUT /books
-- @param title text required
-- @param pages integer
INSERT INTO books (author_id, title, pages) VALUES (2, :title, :pages)
ON CONFLICT (title) DO UPDATE SET pages = excluded.pages;
-- PUT /books/replace
-- @param id integer required
-- @param title text required
REPLACE INTO books VALUES (:id, 2, :title, 77);
-- POST /books/ignore
-- @param title text required
INSERT OR IGNORE INTO books (author_id, title, pages) VALUES (2, :title, 9);
-- POST /shelf
-- @param name text required
INSERT INTO shelf (name) VALUES (:name);
-- POST /several
-- @param name text required
INSERT INTO authors (name) VALUES (:name);
INSERT INTO notes (text) VALUES ('of ' || :name);
UPDATE reviews SET stars = stars + 1 WHERE id = 2;
-- POST /several/late
-- Begins well, takes its time, and fails.
-- @param name text required
INSERT INTO authors (name) VALUES (:name);
UPDATE tally SET n = -1;
SELECT count(*) FROM (WITH RECURSIVE c(x) AS
    (SELECT 1 UNION ALL SELECT x + 1 FROM c LIMIT 1000000) SELECT x FROM c);
INSERT INTO authors (name) VALUES (:name);
-- POST /each
-- @each notes max 50
-- @param text text required
-- @param book_id integer
INSERT INTO notes (book_id, text) VALUES (:book_id, :text);
-- PUT /tally/{name}
-- @param n integer required
INSERT INTO tally (name, n) VALUES (:name, :n)
ON CONFLICT (name) DO UPDATE SET n = :n;
-- POST /papers
-- @param text text required
INSERT INTO papers (text) VALUES (:text);
-- PUT /papers/{id}
-- @param text text required
UPDATE papers SET text = :text WHERE rowid = :id;
-- DELETE /papers
DELETE FROM papers;
-- DELETE /reviews
DELETE FROM reviews;
-- POST /reviews
-- @param book_id integer required
INSERT INTO reviews (book_id, stars) VALUES (:book_id, 1);
SQL
sed 's#^-- \(GET\|POST\|PUT\|DELETE\).*#\n&\n-- @auth public#' "$T/writes" \
    >"$T/app/api/writes.sql"

start_cached -w 3
DATABASE=$T/app/live.db python3 "$here/cache_tables.py"
[ "$(stat 'invalidations.authors')" -gt 0 ] || fail "no table is named"
stop
