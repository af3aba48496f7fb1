#!/bin/bash
# Goal: two requests that mean the same share one kept answer, however they
# are written; two that differ never do; and nothing that a client sent beside
# its question reaches another one.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/cache.sh"

make_app
cat >"$T/app/api/keys.sql" <<'SQL'
-- GET /list
-- @cache 10m
-- @page 5 max 50
-- @sort name,size
-- @param at_least integer default 10
-- @param name text
SELECT id, name, size FROM items
 WHERE size >= :at_least AND (:name IS NULL OR name <> :name) ORDER BY id;

-- GET /after
-- @cache 10m
-- @page key=id 5
SELECT id, name FROM items;

-- POST /forget
-- @auth public
UPDATE items SET size = size WHERE id = 1;

-- GET /echo/{a}
-- Says back what it was asked.
-- @cache 10m
-- @param a text
-- @param b text
-- @param c text default -
-- @param i integer
-- @param r real
-- @param y boolean
-- @param d date
-- @one
SELECT :a AS a, :b AS b, :c AS c, :i AS i, :r AS r, :y AS y, :d AS d,
       (SELECT max(size) FROM items) AS size;
SQL
start_cached -w 2 --limit-request-line 8190

# same PATH…: the first is computed, the others are it.
same() {
    clear_cache
    get "$missed" "$1"
    cp "$T/body" "$T/first"
    for path in "${@:2}"; do
        get "$hit" "$path"
        cmp "$T/body" "$T/first" || fail "$path is another answer than $1"
    done
}
same /list '/list?' '/list?&&' '/list?limit=5' '/list?offset=0' \
    '/list?at_least=10' '/list?at_least=10&offset=0&limit=5' \
    '/list?limit=5&at_least=10' '/list?utm_source=x&_=17' \
    '/list?%61t_least=10' \
    '/list?fields=id,name,size' '/list?fields=size,id,name' '/%6cist' \
    '/./list' '/list?at_least=%31%30' '/list?count=no' '/list?=&=x&name2'
same '/list?name=item+1' '/list?name=item%201' '/list?name=%69tem%201' \
    '/list?x=1&name=item+1&limit=5'
same '/list?name=%C3%A4%2F' '/list?name=%c3%a4%2f' '/list?name=%C3%A4/'
same '/list?fields=name,id&sort=-name' '/list?sort=-name&fields=id,name' \
    '/list?sort=%2Dname&fields=id%2Cname' '/list?sort=-name&fields=id,id,name'
same '/echo/x?r=0.5&y=true&i=-0' '/echo/x?y=true&i=0&r=5e-1&c=-' \
    '/echo/%78?y=true&r=0.50&i=0'

# differ PATH…: each is computed.
differ() {
    clear_cache
    for path in "$@"; do get "$missed" "$path"; done
    for path in "$@"; do get "$hit" "$path"; done
}
differ /list '/list?limit=6' '/list?offset=1' '/list?sort=name' \
    '/list?sort=-name' '/list?sort=size' '/list?count=exact' \
    '/list?at_least=11' '/list?name=' '/list?name=-' '/list?fields=id' \
    '/list?fields=name' '/list?name=a&at_least=10' '/list?name=A'
differ '/echo/a?b=bc' '/echo/ab?b=c' '/echo/ab?c=c' '/echo/a?b=' /echo/a \
    '/echo/a?c=' '/echo/a%2Fb' '/echo/a?i=1' '/echo/a?r=1' '/echo/a?y=1' \
    '/echo/a?b=1' '/echo/a?i=0' '/echo/a?r=0'
clear_cache
get "$missed" /list
get "$missed" /list -H 'Accept: text/csv'
get "$missed" /list -H 'Accept: application/x-ndjson'
get "$hit" /list -H 'Accept: application/json;q=1, text/csv;q=0.1'

# What does not act is refused, each time.
for _ in 1 2; do
    expect 400 GET '/list?at_least=10&at_least=11'
    no_header cache-status
    expect 400 GET '/list?sort=id'
    expect 400 GET '/list?fields=id,secret'
    expect 400 GET '/list?limit=51'
    expect 400 GET '/list?name=%00'
done

# Links hold only what this list is made from: who asks first puts nothing
# into the answers of the others.
python3 - <<'PY'
from client import Connection, check, same

evil = ["utm=EVIL", "EVIL", "count=EVIL", "fields=id&fields=EVIL", "a%3E=EVIL",
        "limit=5&limit=EVIL", "offset=0&offset=EVIL", "x=EVIL%0D%0AX-Evil:+1",
        "at_least=10&x=EVIL", "%3E%3B%20rel=EVIL", "Count=EVIL",
        "count=&a=EVIL"]
c = Connection()
for path in ("/list?", "/list?fields=id&", "/list?sort=name&sort=EVIL&",
             "/list?sort=-size&", "/after?", "/after?fields=id&"):
    for word in evil:
        if path.startswith("/after"):
            word = word.replace("offset=0", "fields=id")
        first, other = path + word, path.replace("&sort=EVIL", "")
        if "fields" in first:
            other = other.rstrip("&") + "&" * ("?" in other) + "fields=id"
        c.ask("POST", "/forget")
        same(c.read().status, 204, "a write")
        answer = c.get(first)
        same(answer.status, 200, first)
        check("stored" in answer.headers["cache-status"], f"{first}: {answer}")
        answer = c.get(other)
        check("hit" in answer.headers["cache-status"], f"{other}: {answer}")
        check('rel="next"' in answer.headers["link"], answer)
        check("EVIL" not in repr(answer), f"{first} reached others: {answer}")
PY
next=$(curl -s "$URL/after" -D - -o "$T/body" |
    sed -n 's/.*<\([^>]*\)>; rel="next".*/\1/p')
get "$missed" "$next"
json '$[0].id' 6
get "$hit" "$next"

# Headers that are not part of the question change nothing and leave nothing.
clear_cache
get "$missed" /list -H 'Cookie: session=EVIL' -H 'X-Forwarded-Host: EVIL' \
    -H 'X-Request-ID: EVIL1' -H 'Accept-Language: EVIL' -H 'Range: bytes=0-1' \
    -H 'Authorization: Bearer EVIL' -H 'Host: EVIL' -H 'Origin: EVIL' \
    -H 'X-HTTP-Method-Override: EVIL' -H 'Cache-Control: no-cache, EVIL'
get "$hit" /list
! grep -qi evil "$T/head" "$T/body" || fail "it stayed: $(cat "$T/head")"
get "$hit" /list -H 'Cookie: session=other' -H 'Cache-Control: no-cache'

# Thousands of questions made to be confused: each answer is to its own.
python3 - <<'PY'
from client import Connection, check, same
from urllib.parse import quote
import json
import random

random.seed(71)
pieces = ["a", "b", "\x01", "\x7f", "ä", "\U0001f374", "1", "-", " ", "'",
          '"', "\\", "/", "%", "&b=", "..", "\x02\x00"[:1], "aaaaaaaa", "\n"]


def text():
    return "".join(random.choices(pieces, k=random.choice((0, 1, 1, 2, 3, 9))))


def question():
    q = {"a": text() or "a", "b": None, "c": "-", "i": None, "r": None,
         "y": None, "d": None}
    if q["a"] in (".", ".."):
        q["a"] = "a"
    for name, values in (("b", [text()]), ("c", [text()]), ("i", [0, 1, -1]),
                         ("r", [0.0, 1.0, 1e300]), ("y", [0, 1]),
                         ("d", ["2024-01-31", "2024-02-01"])):
        if random.random() < 0.3:
            q[name] = random.choice(values)
    return q


def path_of(q):
    given = [(k, v) for k, v in q.items() if k != "a" and v is not None
             and (k, v) != ("c", "-")]
    random.shuffle(given)
    return f"/echo/{quote(q['a'], safe='')}?" + "&".join(
        f"{k}={quote(str(v), safe='')}" for k, v in given)


connections = [Connection() for _ in range(4)]
seen = {}
hits = 0
for _ in range(4000):
    q = random.choice(list(seen.values())) \
        if seen and random.random() < 0.4 else question()
    key = json.dumps(q)
    answer = random.choice(connections).get(path_of(q))
    same(answer.status, 200, key)
    got = json.loads(answer.body)
    same(got.pop("size"), 500, "size")
    same(got, q, path_of(q))
    was_hit = "hit" in answer.headers["cache-status"]
    same(was_hit, key in seen, f"{path_of(q)}: a hit")
    seen[key] = q
    hits += was_hit
check(hits > 1000, f"only {hits} hits")

# Long ones are answered, whether they can be kept or not.
c = connections[0]
for length, kept in ((1000, True), (3900, True), (4200, False), (7900, False)):
    for turn in range(3):
        wanted = "x" * (length - turn % 2) + "y" * (turn % 2)
        answer = c.get(f"/echo/long?b={wanted}")
        same(json.loads(answer.body)["b"], wanted, f"{length} bytes")
        status = answer.headers["cache-status"]
        if turn < 2:
            same(status, "prong; fwd=uri-miss" + "; stored" * kept, length)
        else:
            same("hit" in status, kept, f"{length} bytes: {status}")
PY
stop
