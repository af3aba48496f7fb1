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
    book_id INTEGER REFERENCES books ON DELETE SET NULL,
    user_id INTEGER, text TEXT);
CREATE TABLE tally (name TEXT PRIMARY KEY, n INTEGER) WITHOUT ROWID;
CREATE TABLE history (what TEXT);
CREATE VIEW shelf AS SELECT a.name, count(b.id) AS n, sum(b.pages) AS pages
  FROM authors a LEFT JOIN books b ON b.author_id = a.id GROUP BY a.id;
CREATE VIEW full_shelf AS SELECT name FROM shelf WHERE n > 1;
CREATE VIRTUAL TABLE found USING
    fts5(title, content='books', content_rowid='id');
CREATE VIRTUAL TABLE papers USING fts5(text);
CREATE TRIGGER book_in AFTER INSERT ON books BEGIN
    INSERT INTO found (rowid, title) VALUES (new.id, new.title);
    UPDATE tally SET n = n + 1 WHERE name = 'books';
END;
CREATE TRIGGER book_out AFTER DELETE ON books BEGIN
    INSERT INTO found (found, rowid, title)
        VALUES ('delete', old.id, old.title);
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
INSERT INTO notes VALUES (1, 1, 1, 'good'), (2, 4, 1, 'dim'), (3, 5, 2, 'dark');
INSERT INTO papers VALUES ('one green sheet'), ('one blue sheet');
CREATE TABLE fixed (n INTEGER);
INSERT INTO fixed VALUES (1), (2);
