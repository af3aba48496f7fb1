#!/bin/bash
# Goal: entity tags and the conditions made of them (RFC 9110, 8.8.3 and 13):
# 304 for reads, with and without the cache; 412 for writes whose client knew
# another state, and of several that knew the same one exactly one wins.
. "$(dirname "$0")/lib.sh"

make_app
cat >"$T/app/schema/002_notes.sql" <<'SQL'
CREATE TABLE notes (id INTEGER PRIMARY KEY, text TEXT NOT NULL);
INSERT INTO notes VALUES (1, 'short'), (2, printf('%0600d', 2)), (3, 'three'),
                         (4, 'four'), (5, 'five');
SQL
cat >"$T/app/api/notes.sql" <<'SQL'
-- GET /notes/{id}
-- @param id integer
-- @one
-- @http private, max-age=7
SELECT id, text FROM notes WHERE id = :id;

-- GET /kept/{id}
-- @param id integer
-- @one
-- @cache 1h
-- @http public, max-age=9
SELECT id, text FROM notes WHERE id = :id;

-- PUT /notes/{id}
-- @auth public
-- @param id integer
-- @param text text required
-- @one
INSERT INTO notes VALUES (:id, :text)
    ON CONFLICT DO UPDATE SET text = excluded.text
RETURNING id, text;

-- PATCH /notes/{id}
-- @auth public
-- @param id integer
-- @param text text required
-- @none
UPDATE notes SET text = :text WHERE id = :id;

-- DELETE /notes/{id}
-- @auth public
-- @param id integer
-- @none
DELETE FROM notes WHERE id = :id;

-- PUT /blind/{id}
-- @auth public
-- @param id integer
-- @param text text required
-- @none
UPDATE notes SET text = :text WHERE id = :id;

-- GET /notes
SELECT id FROM notes ORDER BY id;

-- POST /notes
-- @auth public
-- @param text text required
-- @status 201
INSERT INTO notes (text) VALUES (:text) RETURNING id;

-- POST /letters
-- @auth public
-- @param text text required
-- @status 201
INSERT INTO notes (text) VALUES (:text) RETURNING id;
SQL
start -w 3
await 10 workers_are 3
python3 - <<'PY' || fail "the conditions"
from client import Connection, check, same
import json
import threading
import zlib

GZIP = "Accept-Encoding: gzip"


def ask(method, path, *headers, text=None):
    body = b"" if text is None else json.dumps({"text": text}).encode()
    if body:
        headers = (*headers, "Content-Type: application/json")
    with Connection() as c:
        c.ask(method, path, headers, body)
        return c.read(head=method == "HEAD")


# ---- reads, computed each time and kept alike

for path, caching in [("/notes", "private, max-age=7"),
                      ("/kept", "public, max-age=9")]:
    for number, shrinks in [(1, False), (2, True)]:
        url = f"{path}/{number}"
        plain, packed = ask("GET", url), ask("GET", url, GZIP)
        tag, other = plain.headers["etag"], packed.headers["etag"]
        check(tag[0] == tag[-1] == '"' and len(tag) > 10, f"tag: {tag}")
        same(ask("GET", url).headers["etag"], tag, "the same tag again")
        same(tag != other, shrinks, f"{url}: each form has its own tag")
        if shrinks:
            same(zlib.decompress(packed.body, 31), plain.body, "gzip form")
            same(packed.headers["content-encoding"], "gzip", "coding")
        CASES = [
            (304, tag), (304, f"W/{tag}"), (304, "*"),
            (304, f'"x", "y,z" , {tag}'), (304, f'W/"x",{tag}'),
            (200, '"x"'), (200, tag.strip('"')), (200, tag[:-2] + '"'),
            (200, ""), (200, '"*"'),
        ]
        for status, field in CASES:
            got = ask("GET", url, f"If-None-Match: {field}")
            same(got.status, status, f"{url}: If-None-Match: {field}")
            same(got.headers["etag"], tag, "its tag")
            if status == 304:
                same(got.body, b"", "304 has no body")
                check("content-length" not in got.headers and
                      "content-type" not in got.headers, f"304: {got}")
                same(got.headers["cache-control"], caching, "Cache-Control")
                same(got.headers.get("vary"), plain.headers.get("vary"), "Vary")
                check("date" in got.headers, "304 has a date")
            else:
                same(got.body, plain.body, "the whole body")
        # Of two lines either may name it.
        for lines in [('"x"', tag), (tag, '"x"')]:
            got = ask("GET", url, *[f"If-None-Match: {t}" for t in lines])
            same(got.status, 304, f"{url}: {lines}")
        # The form that would be sent is the one that is compared.
        got = ask("GET", url, GZIP, f"If-None-Match: {other}")
        same((got.status, got.headers["etag"]), (304, other), "gzip form")
        same(got.headers.get("vary"), packed.headers.get("vary"), "Vary")
        check("content-encoding" not in got.headers, "a coding of no body")
        if shrinks:
            check("accept-encoding" in got.headers["vary"].lower(), "Vary")
            same(ask("GET", url, GZIP, f"If-None-Match: {tag}").status, 200,
                 "the identity's tag for a client that gets gzip")
        # HEAD is GET without a body; If-Match guards reads too.
        same(ask("HEAD", url, f"If-None-Match: {tag}").status, 304, "HEAD")
        same(ask("HEAD", url).headers["etag"], tag, "HEAD's tag")
        same(ask("GET", url, f"If-Match: {tag}").status, 200, "If-Match")
        same(ask("GET", url, 'If-Match: "x"').status, 412, "If-Match")
        same(ask("GET", url, f"If-Match: W/{tag}").status, 412, "weak If-Match")
    same(ask("GET", f"{path}/99", "If-None-Match: *").status, 404, "missing")

# A list's tag moves with its rows; a date is nothing to a query's answer.
tag = ask("GET", "/notes").headers["etag"]
same(ask("GET", "/notes", "If-Modified-Since: Fri, 01 Jan 2100 00:00:00 GMT")
     .status, 200, "a date")
same(ask("POST", "/letters", text="new").status, 201, "a letter")
moved = ask("GET", "/notes", f"If-None-Match: {tag}")
same(moved.status, 200, "a list that changed")
check(moved.headers["etag"] != tag, "its tag did not change")

# ---- writes


def text_of(number):
    got = ask("GET", f"/notes/{number}")
    return json.loads(got.body)["text"] if got.status == 200 else None


def refused(method, path, *headers, text=None):
    number = path.rsplit("/", 1)[-1]
    before = text_of(number) if number.isdigit() else None
    got = ask(method, path, *headers, text=text)
    same(got.status, 412, f"{method} {path} {headers}")
    same(got.headers["content-type"], "application/problem+json", "412")
    same(json.loads(got.body)["status"], 412, "412")
    if number.isdigit():
        same(text_of(number), before, f"{method} {path}: nothing changed")


def tags_of(number):
    return [ask("GET", f"/notes/{number}", *h).headers["etag"]
            for h in ((), (GZIP,))]


for method in ("PUT", "PATCH"):
    for form in (0, 1):  # either form's tag says what the client knew
        tag = tags_of(2)[form]
        refused(method, "/notes/2", 'If-Match: "x"', text="a" * 700)
        refused(method, "/notes/2", f"If-Match: W/{tag}", text="a" * 700)
        refused(method, "/notes/2", f"If-None-Match: {tag}", text="a" * 700)
        refused(method, "/notes/2", "If-None-Match: *", text="a" * 700)
        text = f"{method} {form} ".ljust(700, "b")
        got = ask(method, "/notes/2", f'If-Match: "x", {tag}', text=text)
        check(got.status in (200, 204), f"{method}: {got}")
        same(text_of(2), text, f"{method} took place")
        refused(method, "/notes/2", f"If-Match: {tag}", text="c" * 700)
        got = ask(method, "/notes/2", "If-Match: *", text="d" * 600)
        check(got.status in (200, 204), f"If-Match: *: {got}")
# The answer to a kept GET is the same representation.
tag = ask("GET", "/kept/1").headers["etag"]
same(ask("PUT", "/notes/1", f"If-Match: {tag}", text="by kept").status, 200,
     "the tag of a kept answer")
same(json.loads(ask("GET", "/kept/1").body)["text"], "by kept", "kept")

tag = tags_of(3)[0]
refused("DELETE", "/notes/3", 'If-Match: "x"')
same(ask("DELETE", "/notes/3", f"If-Match: {tag}").status, 204, "DELETE")
same(text_of(3), None, "it is gone")
for field in ("*", tag):
    refused("DELETE", "/notes/3", f"If-Match: {field}")
    refused("PUT", "/notes/3", f"If-Match: {field}", text="back")
same(ask("PUT", "/notes/3", "If-None-Match: *", text="anew").status, 200,
     "If-None-Match: * where nothing is")
same(text_of(3), "anew", "it was made")
refused("PUT", "/notes/3", "If-None-Match: *", text="again")

# What is there cannot be told where there is no GET.
refused("PUT", "/blind/4", f"If-Match: {tags_of(4)[0]}", text="unseen")
same(ask("PUT", "/blind/4", text="seen").status, 204, "without a condition")
same(text_of(4), "seen", "it took place")
refused("POST", "/notes", "If-None-Match: *", text="a list is there")

# ---- of those that knew the same state one wins


def race(number, *headers):
    start, results = threading.Barrier(20), {}
    before = text_of(number)  # what is written must differ from it

    def put(i):
        with Connection() as c:
            same(c.get("/live").status, 200, "connected")
            start.wait()
            body = json.dumps({"text": f"{i} after {before}"[:99]}).encode()
            c.ask("PUT", f"/notes/{number}",
                  (*headers, "Content-Type: application/json"), body)
            results[i] = c.read().status

    threads = [threading.Thread(target=put, args=(i,)) for i in range(20)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    winners = [i for i in results if results[i] == 200]
    same(sorted(results.values()), [200] + [412] * 19, f"a race at {number}")
    same(text_of(number), f"{winners[0]} after {before}"[:99],
         "the winner's text")


for _ in range(5):
    race(5, f"If-Match: {tags_of(5)[0]}")
for number in (1001, 1002, 1003):
    race(number, "If-None-Match: *")
PY
stop
