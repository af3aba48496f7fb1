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

-- GET /kept/fixed
-- @cache 1h
SELECT count(*) AS n, sum(n) AS sum FROM fixed;

-- GET /kept/stars
-- @cache 1h
-- @page 3 max 10
-- @sort name
SELECT a.name, (SELECT avg(stars) FROM reviews r JOIN books b
    ON b.id = r.book_id WHERE b.author_id = a.id) AS stars
  FROM authors a WHERE EXISTS (SELECT 1 FROM books WHERE author_id = a.id);

-- GET /kept/books/{id}
-- @cache 1h
-- @param id integer
-- @one
SELECT b.id, b.title, b.pages, a.name AS author
  FROM books b LEFT JOIN authors a ON a.id = b.author_id WHERE b.id = :id;

-- GET /kept/search
-- @cache 1h
-- @page 4 max 20
-- @sort title,pages
-- @param q text default %
-- @param least integer default 0 min 0
-- @param author text
SELECT b.id, b.title, b.pages, (SELECT group_concat(stars) FROM reviews r
    WHERE r.book_id = b.id) AS stars
  FROM books b JOIN authors a ON a.id = b.author_id
 WHERE b.title LIKE :q AND b.pages >= :least
   AND (:author IS NULL OR a.name = :author) ORDER BY b.id;

-- GET /kept/walk
-- @cache 1h
-- @page key=title,id 3
SELECT title, id, pages FROM books;

-- GET /kept/total
-- @cache 1h
-- @value
SELECT sum(pages) + (SELECT count(*) FROM notes) FROM books;

-- GET /kept/two
-- Two statements, of which the last answers.
-- @cache 1h
SELECT name FROM authors;
SELECT n FROM tally WHERE name = 'books';

-- GET /kept/mine
-- @cache 1h
-- @auth user
SELECT id, text, :auth.role AS role FROM notes
 WHERE user_id = :auth.user_id ORDER BY id;

-- GET /kept/guest
-- @cache 1h
-- @auth public
-- @one
SELECT :auth.user_id AS id, count(*) AS notes FROM notes
 WHERE user_id IS :auth.user_id;

-- GET /kept/staff
-- @cache 1h
-- @auth admin
SELECT user_id, count(*) AS notes FROM notes GROUP BY user_id ORDER BY 1;

-- GET /kept/together
-- Of what USING joins by, SQLite's authorizer hears nothing.
-- @cache 1h
SELECT DISTINCT n.text FROM notes n JOIN reviews USING (book_id) ORDER BY 1;

-- GET /kept/natural
-- @cache 1h
-- @one
SELECT count(*) AS n FROM (SELECT book_id FROM notes)
  NATURAL JOIN (SELECT book_id, stars FROM reviews);
