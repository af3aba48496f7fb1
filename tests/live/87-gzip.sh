#!/bin/bash
# Goal: answers and files are compressed for those who accept that, from 500
# bytes up, once, never what does not shrink; each form has its own tag, and
# decodes to the same bytes (RFC 9110, 8.4, 12.5.3 and 12.5.5).
. "$(dirname "$0")/lib.sh"
. "$here/operators.sh"

make_app
cat >"$T/app/api/text.sql" <<'SQL'
-- GET /text
-- A body of :n bytes, its quotes included.
-- @param n integer min 3
-- @value
SELECT printf('%0*d', :n - 2, 7);

-- GET /kept
-- @param n integer min 3
-- @cache 1h
-- @value
SELECT printf('%0*d', :n - 2, 7);

-- GET /secret
-- @param n integer min 3
-- @cache 1h
-- @http private, no-transform
-- @value
SELECT printf('%0*d', :n - 2, 7);

-- POST /text
-- @auth public
-- @param text text required
-- @one
SELECT :text AS text;

-- POST /strict
-- @auth public
-- @param a integer required min 1 max 2
-- @param b integer required min 1 max 2
-- @param c integer required min 1 max 2
-- @param d integer required min 1 max 2
-- @param e integer required min 1 max 2
-- @param f integer required min 1 max 2
-- @param g integer required min 1 max 2
-- @param h integer required min 1 max 2
-- @none
SELECT :a + :b + :c + :d + :e + :f + :g + :h;
SQL
web=$T/app/web
seq 1 2000 >"$web/numbers.txt"
cp "$here/lib.sh" "$web/script.txt"
head -c 499 /dev/zero | tr '\0' 'a' >"$web/499.txt"
head -c 500 /dev/zero | tr '\0' 'a' >"$web/500.txt"
head -c 5000 /dev/zero >"$web/picture.png"
head -c 5000 /dev/zero | gzip -1 >"$web/small.gz"
seq 1 9000 | gzip >"$web/large.gz"
head -c 5000 /dev/urandom >"$web/noise.txt"
{
    echo '<svg xmlns="http://www.w3.org/2000/svg">'
    seq 1 500
    echo '</svg>'
} >"$web/picture.svg"
start_admin -w 2
await 10 workers_are 2
# shellcheck disable=SC2016 # it is Python
checks='
from client import Connection, check, same
import json, os, sys, zlib

def ask(method, path, *headers, text=None, port=None):
    body = b"" if text is None else json.dumps({"text": text}).encode()
    if body:
        headers = (*headers, "Content-Type: application/json")
    with Connection(port=port) as c:
        c.ask(method, path, headers, body)
        return c.read(head=method == "HEAD")

def decoded(answer):
    coding = answer.headers.get("content-encoding")
    check(coding in (None, "gzip"), f"coding: {coding}")
    if not coding:
        return answer.body
    one = zlib.decompressobj(31)
    plain = one.decompress(answer.body)
    check(one.eof and not one.unused_data, "one whole gzip member")
    check(plain[:2] != b"\x1f\x8b", "compressed twice")
    return plain

def packed(answer):
    return answer.headers.get("content-encoding") == "gzip"

def varies(answer):
    names = answer.headers.get("vary", "").lower().split(",")
    return "accept-encoding" in [n.strip() for n in names]

GZIP = "Accept-Encoding: gzip"
'
run() {
    python3 -c "$checks$(cat)" "$@"
}
run "$web" <<'PY' || fail "gzip"

# ---- from 500 bytes up; what is negotiated varies, for either client

for path in ("/text", "/kept"):
    for n, shrinks in [(3, False), (499, False), (500, True), (501, True),
                       (100000, True)]:
        for _ in range(3):  # computed, kept, found
            plain, small = ask("GET", f"{path}?n={n}"), ask("GET", f"{path}?n={n}", GZIP)
            same(len(plain.body), n, "bytes")
            same(packed(plain), False, "nobody asked for gzip")
            same(packed(small), shrinks, f"{path}?n={n}")
            same(decoded(small), plain.body, "the same bytes")
            same((varies(plain), varies(small)), (shrinks, shrinks), "Vary")
            same(plain.headers["etag"] != small.headers["etag"], shrinks, "tags")
            same(plain.headers["content-type"], small.headers["content-type"], "type")
            for name, get in (("plain", ()), ("gzip", (GZIP,))):
                full = ask("GET", f"{path}?n={n}", *get)
                head = ask("HEAD", f"{path}?n={n}", *get)
                same(head.body, b"", "HEAD")
                for field in ("content-length", "etag", "content-encoding", "vary"):
                    same(head.headers.get(field), full.headers.get(field),
                         f"HEAD of {name}: {field}")

# ---- never, where the endpoint says so: not computed, not kept

for _ in range(3):
    got = ask("GET", "/secret?n=3000", GZIP)
    same((len(got.body), packed(got), varies(got)), (3000, False, False),
         "no-transform")

# ---- what a client accepts

for wanted, field in [
    (True, "gzip"), (True, "x-gzip"), (True, "GZip"), (True, "*"),
    (True, "deflate, gzip;q=1.0, *;q=0.5"), (True, "br, gzip ; q=0.001"),
    (True, "gzip;q=0.5, identity;q=0.5"), (True, "identity;q=0, gzip;q=0.1"),
    (True, "identity;q=0, *"), (True, "gzip, deflate, br, zstd"),
    (False, ""), (False, "identity"), (False, "br"), (False, "gzip;q=0"),
    (False, "gzip;q=0.000"), (False, "*;q=0"), (False, "gzip;q=0, *"),
    (False, "gzip;q=0.4, identity;q=0.5"), (False, "gzipped"),
    (False, "deflate, br;q=1"), (False, "gzip;q=nonsense"),
]:
    for path in ("/text?n=3000", "/kept?n=3000", "/numbers.txt"):
        got = ask("GET", path, f"Accept-Encoding: {field}")
        same(got.status, 200, f"Accept-Encoding: {field}")
        same(packed(got), wanted, f"{path} for Accept-Encoding: {field}")
        check(varies(got), f"{path}: Vary")

# ---- the answers of writes, problems, pages of the server

for n, shrinks in [(100, False), (3000, True)]:
    for get in ((), (GZIP,)):
        got = ask("POST", "/text", *get, text="a" * n)
        same(got.status, 200, "POST")
        same(packed(got), bool(get) and shrinks, f"POST of {n}")
        same(varies(got), shrinks, "Vary of a POST")
        same(json.loads(decoded(got))["text"], "a" * n, "POST")
        check("etag" not in got.headers, "a result has no tag")
for method, path, status, text in [
    ("GET", "/nothing", 404, None), ("POST", "/strict", 400, "x" * 900),
    ("GET", "/forever", 504, None),
]:
    got = ask(method, path, GZIP, text=text)
    same(got.status, status, path)
    same(got.headers["content-type"], "application/problem+json", path)
    same(json.loads(decoded(got))["status"], status, path)
    check(not packed(got) or varies(got), f"{path}: packed, but no Vary")
port = os.environ["ADMIN_PORT"]
for path in ("/metrics", "/api/monitoring/metrics"):
    got = ask("GET", path, GZIP, port=port)
    check(packed(got) and varies(got), f"{path}: {got.headers}")
    check(len(decoded(got)) > len(got.body), f"{path}: smaller")

# ---- files


def file(name, *headers):
    with open(f"{sys.argv[1]}/{name}", "rb") as f:
        return f.read(), ask("GET", f"/{name}", *headers)


for name, shrinks in [
    ("numbers.txt", True), ("500.txt", True), ("499.txt", False),
    ("picture.svg", True), ("picture.png", False), ("small.gz", False),
    ("large.gz", False),
]:
    for _ in range(2):  # compressed, then found so
        content, got = file(name, GZIP)
        same(packed(got), shrinks, name)
        same(decoded(got) if shrinks else got.body, content, name)
        same(varies(got), shrinks, f"{name}: Vary")
    plain = file(name)[1]
    same(plain.body, content, name)
    same(varies(plain), shrinks, f"{name}: Vary")
    same(plain.headers["etag"] != got.headers["etag"], shrinks, f"{name}: tags")
    same(plain.headers["last-modified"], got.headers["last-modified"], name)
    date = got.headers["last-modified"]
    for other, ours, get in [(plain, got, (GZIP,)), (got, plain, ())]:
        tag = ours.headers["etag"]
        again = ask("GET", f"/{name}", *get, f"If-None-Match: {tag}")
        same((again.status, again.body), (304, b""), f"{name}: 304")
        same(again.headers["etag"], tag, f"{name}: tag of its 304")
        same(varies(again), shrinks, f"{name}: Vary of its 304")
        same(ask("GET", f"/{name}", *get, f"If-None-Match: {other.headers['etag']}")
             .status, 200 if shrinks else 304, f"{name}: the other form's tag")
        same(ask("GET", f"/{name}", *get, f"If-Modified-Since: {date}").status,
             304, f"{name}: date")
        head = ask("HEAD", f"/{name}", *get)
        for field in ("content-length", "etag", "content-encoding", "vary"):
            same(head.headers.get(field), ours.headers.get(field),
                 f"HEAD {name}: {field}")
# Noise is a text by its name, and yet it does not shrink.
content, got = file("noise.txt", GZIP)
same((packed(got), got.body), (False, content), "noise.txt")
# A range counts the bytes of the file.
content = file("numbers.txt")[0]
part = ask("GET", "/numbers.txt", GZIP, "Range: bytes=100-199")
same((part.status, packed(part), part.body), (206, False, content[100:200]), "range")
same(part.headers["content-range"], f"bytes 100-199/{len(content)}", "range")
same(part.headers["etag"], ask("GET", "/numbers.txt").headers["etag"], "its tag")
check(varies(part), "a range varies")
tag = ask("GET", "/numbers.txt", GZIP).headers["etag"]
mixed = ask("GET", "/numbers.txt", GZIP, "Range: bytes=100-199", f"If-Range: {tag}")
same((mixed.status, decoded(mixed)), (200, content), "If-Range of the other form")
PY
# A file that changes is compressed anew.
seq 2000 4000 >"$T/app/web/numbers.txt"
changed() {
    curl -s --compressed "$URL/numbers.txt" | cmp -s - "$web/numbers.txt"
}
await 5 changed
run "$web" <<'PY' || fail "a changed file"
got = ask("GET", "/numbers.txt", GZIP)
with open(sys.argv[1] + "/numbers.txt", "rb") as f:
    same((packed(got), decoded(got)), (True, f.read()), "a changed file")
PY
# One compression for many answers: both workers have packed what is kept.
compressed() {
    value /api/monitoring/metrics '$.compressed'
}
expect 200 GET '/kept?n=7777' -H 'Accept-Encoding: gzip'
await 10 shows /api/monitoring/metrics '$.compressed' '[1-9][0-9]*'
stored=$(compressed)
for _ in 1 2 3 4 5 6; do
    expect 200 GET '/kept?n=7777' -H 'Accept-Encoding: gzip'
done
[ "$(compressed)" = "$stored" ] || fail "a kept answer is compressed again"
stop

# ---- settings

start -w 1 --gzip off
run <<'PY' || fail "--gzip off"
for path in ("/text?n=3000", "/kept?n=3000", "/numbers.txt"):
    got = ask("GET", path, GZIP)
    same((packed(got), varies(got)), (False, False), path)
PY
stop
size() {
    curl -s -o /dev/null -w '%{size_download}' -H 'Accept-Encoding: gzip' \
        "$URL$1"
}
start -w 1 --gzip-min-length 2000 --gzip-comp-level 1
run <<'PY' || fail "--gzip-min-length"
for n, shrinks in [(1999, False), (2000, True)]:
    got = ask("GET", f"/text?n={n}", GZIP)
    same((packed(got), varies(got)), (shrinks, shrinks), f"{n} bytes")
PY
fast=$(size /script.txt)
stop
start -w 1 --gzip-comp-level 9
hard=$(size /script.txt)
stop
[ "$hard" -lt "$fast" ] || fail "level 9: $hard bytes, level 1: $fast"
