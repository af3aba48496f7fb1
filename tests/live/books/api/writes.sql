-- POST /authors
-- @auth public
-- @param name text required
-- @status 201
INSERT INTO authors (name) VALUES (:name);

-- POST /authors/returning
-- @auth public
-- @param name text required
-- @one
INSERT INTO authors (name) VALUES (:name) RETURNING id, name;

-- PUT /authors/{id}
-- @auth public
-- @param name text required
UPDATE authors SET name = :name WHERE id = :id;

-- PUT /authors/{id}/id
-- @auth public
-- @param to integer required
UPDATE authors SET id = :to WHERE id = :id;

-- DELETE /authors/{id}
-- @auth public
DELETE FROM authors WHERE id = :id;

-- PUT /books
-- @auth public
-- @param title text required
-- @param pages integer
INSERT INTO books (author_id, title, pages) VALUES (2, :title, :pages)
ON CONFLICT (title) DO UPDATE SET pages = excluded.pages;

-- PUT /books/replace
-- @auth public
-- @param id integer required
-- @param title text required
REPLACE INTO books VALUES (:id, 2, :title, 77);

-- POST /books/ignore
-- @auth public
-- @param title text required
INSERT OR IGNORE INTO books (author_id, title, pages) VALUES (2, :title, 9);

-- POST /shelf
-- @auth public
-- @param name text required
INSERT INTO shelf (name) VALUES (:name);

-- POST /several
-- @auth public
-- @param name text required
INSERT INTO authors (name) VALUES (:name);
INSERT INTO notes (text) VALUES ('of ' || :name);
UPDATE reviews SET stars = stars + 1 WHERE id = 2;

-- POST /several/late
-- @auth public
-- Begins well, takes its time, and fails.
-- @param name text required
INSERT INTO authors (name) VALUES (:name);
UPDATE tally SET n = -1;
SELECT count(*) FROM (WITH RECURSIVE c(x) AS
    (SELECT 1 UNION ALL SELECT x + 1 FROM c LIMIT 1000000) SELECT x FROM c);
INSERT INTO authors (name) VALUES (:name);

-- POST /each
-- @auth public
-- @each notes max 50
-- @param text text required
-- @param book_id integer
INSERT INTO notes (book_id, text) VALUES (:book_id, :text);

-- PUT /tally/{name}
-- @auth public
-- @param n integer required
INSERT INTO tally (name, n) VALUES (:name, :n)
ON CONFLICT (name) DO UPDATE SET n = :n;

-- POST /papers
-- @auth public
-- @param text text required
INSERT INTO papers (text) VALUES (:text);

-- PUT /papers/{id}
-- @auth public
-- @param text text required
UPDATE papers SET text = :text WHERE rowid = :id;

-- DELETE /papers
-- @auth public
DELETE FROM papers;

-- DELETE /reviews
-- @auth public
DELETE FROM reviews;

-- POST /reviews
-- @auth public
-- @param book_id integer required
INSERT INTO reviews (book_id, stars) VALUES (:book_id, 1);

-- PUT /kept/books/{id}
-- @auth public
-- At the path of a GET, so it takes If-Match.
-- @param id integer
-- @param pages integer required
-- @one
UPDATE books SET pages = :pages WHERE id = :id RETURNING id, pages;

-- DELETE /books/{id}
-- @auth public
DELETE FROM books WHERE id = :id;

-- DELETE /notes
-- @auth public
DELETE FROM notes;

-- POST /mine
-- @auth user
-- @param text text required
INSERT INTO notes (user_id, text) VALUES (:auth.user_id, :text);
