"""What 73-cache-tables.sh does: one write after the other, and after each of
them every kept answer is compared with the one that is never kept, over
connections to all workers."""

from client import Connection, check, same
import json
import os
import sqlite3
import threading

READS = ("authors", "books", "reviews", "notes", "tally", "history", "shelf",
         "full_shelf", "found", "papers", "fixed", "stars", "stars?sort=-name",
         "stars?offset=1&count=exact", "shelf?fields=name", "two", "walk",
         "search?sort=-pages&limit=9", "total", "guest", "together",
         "natural")
connections = [Connection() for _ in range(6)]


def ask(c, method, path, body=None):
    data = json.dumps(body).encode() if body is not None else b""
    c.ask(method, path, ["Content-Type: application/json"] * bool(data), data)
    return c.read()


def look(c, kind, read):
    answer = c.get(f"/{kind}/{read}")
    same(answer.status, 200, read)
    return answer


def warm():
    """Every read is kept; the answers that it gave."""
    for read in READS:
        look(connections[0], "kept", read)
        for c in connections:
            status = look(c, "kept", read).headers["cache-status"]
            check("; hit" in status, f"{read} was not kept: {status}")
    return {r: look(connections[0], "kept", r).body for r in READS}


def verify(what, before, changed, stays=("fixed",)):
    """All see what is there, and `changed` were changed by it."""
    for read in READS:
        first = look(connections[1], "kept", read)
        if read in stays:
            check("; hit" in first.headers["cache-status"],
                  f"{what}: {read} was dropped")
        for c in connections:
            truth = look(c, "plain", read)
            answer = look(c, "kept", read)
            same(answer.body, truth.body, f"{read} after {what}")
            same(answer.headers.get("x-total-count"),
                 truth.headers.get("x-total-count"), f"{read} after {what}")
        if read in changed:
            check(first.body != before[read], f"{what} did not change {read}")


def write(status, method, path, body=None, changed="", stays="fixed"):
    before = warm()
    c = connections[len(path) % len(connections)]
    same(ask(c, method, path, body).status, status, f"{method} {path}")
    verify(f"{method} {path}", before, changed.split(), stays.split())


def shell(sql, changed="", learn=()):
    """By a stranger. What has new columns may need two answers to show them."""
    before = warm()
    with sqlite3.connect(os.environ["DATABASE"], timeout=10) as outside:
        outside.executescript(sql)
    outside.close()
    for read in learn:
        for c in connections * 2:
            look(c, "plain", read)
            look(c, "kept", read)
    verify(sql, before, changed.split(), ())


def uncommitted():
    """Nobody sees the first half of what then fails."""
    before = warm()
    over = threading.Event()
    seen = []

    def read(c):
        while not over.is_set():
            for name in ("authors", "tally", "shelf"):
                seen.append((name, look(c, "kept", name).body == before[name]))

    readers = [threading.Thread(target=read, args=(c,)) for c in connections]
    for t in readers:
        t.start()
    with Connection() as c:
        for _ in range(2):
            same(ask(c, "POST", "/several/late", {"name": "Ghost"}).status, 409,
                 "it fails")
    over.set()
    for t in readers:
        t.join()
    check(len(seen) > 100, f"only {len(seen)} reads")
    check(all(ok for _, ok in seen), "a write that failed was seen")
    verify("a rollback", before, ())


other = "fixed papers"
write(201, "POST", "/authors", {"name": "Eve"}, "authors shelf",
      other + " reviews notes")
write(409, "POST", "/authors", {"name": "Eve"}, stays=other + " reviews")
write(200, "POST", "/authors/returning", {"name": "Fay"}, "authors shelf",
      other)
write(409, "POST", "/authors/returning", {"name": "Fay"})
write(204, "PUT", "/authors/1", {"name": "Ann"},
      "authors shelf full_shelf stars", other + " reviews books notes")
write(204, "PUT", "/authors/1", {"name": "Ann"})
write(204, "PUT", "/authors/999", {"name": "Nobody"})
write(204, "PUT", "/authors/2/id", {"to": 20}, "authors books")
write(204, "PUT", "/authors/20/id", {"to": 2}, "authors books")
write(204, "PUT", "/books", {"title": "green", "pages": 21}, "books shelf")
write(204, "PUT", "/books", {"title": "gravel", "pages": 5},
      "books shelf found tally full_shelf")
write(422, "PUT", "/books", {"title": "gray", "pages": 0})
write(422, "PUT", "/books", {"title": "gray"})
write(204, "PUT", "/books/replace", {"id": 50, "title": "black"},
      "books reviews notes shelf stars")
write(204, "POST", "/books/ignore", {"title": "green"})
write(204, "POST", "/books/ignore", {"title": "grass"},
      "books found shelf tally")
write(204, "POST", "/shelf", {"name": "Gil"}, "authors shelf", other)
write(204, "POST", "/several", {"name": "Hal"}, "authors notes reviews stars",
      other + " books")
write(409, "POST", "/several", {"name": "Hal"})
uncommitted()
write(200, "POST", "/each", {"notes": [{"text": "a"}, {"text": "b"}]}, "notes",
      other + " authors books shelf")
write(409, "POST", "/each", {"notes": [{"text": "c"},
                                       {"text": "d", "book_id": 999}]})
write(204, "PUT", "/tally/other", {"n": 7}, "tally", other + " books authors")
write(204, "PUT", "/tally/new", {"n": 1}, "tally")
write(204, "POST", "/papers", {"text": "a third sheet"}, "papers",
      "fixed books found")
write(204, "PUT", "/papers/1", {"text": "no more a sh eet"}, "papers")
write(204, "DELETE", "/papers", changed="papers", stays="fixed books")
write(204, "DELETE", "/authors/3",
      changed="authors books reviews notes shelf tally stars")
write(204, "DELETE", "/authors/3")
write(204, "DELETE", "/reviews", changed="reviews stars",
      stays=other + " books")

# Statements that are prepared already have to learn of these.
shell("CREATE TRIGGER late AFTER UPDATE ON tally"
      " BEGIN INSERT INTO history VALUES (new.name || new.n); END")
write(204, "PUT", "/tally/other", {"n": 8}, "tally history", other + " reviews")
write(204, "PUT", "/books", {"title": "grit", "pages": 5},
      "books tally history")
shell("CREATE TABLE later (n INTEGER); CREATE TRIGGER later_still AFTER INSERT"
      " ON history BEGIN UPDATE papers SET text = text || ' sheet';"
      " INSERT INTO later VALUES (1); END; INSERT INTO papers VALUES ('sheet')",
      "papers")
write(204, "PUT", "/tally/other", {"n": 9}, "tally history papers", "fixed")
shell("DROP VIEW shelf; CREATE VIEW shelf AS SELECT what AS name,"
      " (SELECT count(*) FROM reviews) AS n, 0 AS pages FROM history", "shelf")
write(204, "POST", "/reviews", {"book_id": 1}, "reviews shelf", "authors notes")
write(204, "PUT", "/tally/other", {"n": 10}, "tally history shelf", "authors")
shell("ALTER TABLE tally ADD COLUMN more DEFAULT 5", "tally",
      ("tally",))
shell("UPDATE tally SET more = 6", "tally history")
shell("CREATE INDEX by_n ON tally (n); ANALYZE; DROP TRIGGER late")
write(204, "PUT", "/tally/other", {"n": 11}, "tally", "authors")
