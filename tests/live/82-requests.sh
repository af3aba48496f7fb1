#!/bin/bash
# Goal: one request can be followed by its id from the access log to each of
# its SQL statements; slow, failed and present requests are listed; the last
# request of a worker that was killed is not lost.
. "$(dirname "$0")/lib.sh"
. "$here/operators.sh"

unexpected='runtime error|Assertion' # a worker is killed on purpose
make_app
echo 'slow_request = 40ms' >>"$T/app/app.conf"
cat >"$T/app/api/three.sql" <<'SQL'
-- POST /three
-- @auth public
-- @param n integer
-- @one
INSERT INTO items (name, size) VALUES ('three', 3);

WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c LIMIT :n)
SELECT count(*) FROM c;

UPDATE items SET size = 4 WHERE name = 'three'
RETURNING id, name, size;

-- GET /broken
-- @param n integer default 0
SELECT abs(:n - 9223372036854775807 - 1) AS n;

-- GET /second
-- @param n integer default 100000000
-- @timeout 30s
-- @one
SELECT count(*) AS n FROM items;
WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c LIMIT :n)
SELECT count(*) AS n FROM c;

-- GET /kept/{id}
-- @param id integer
-- @cache 1h
SELECT name FROM items WHERE id <= :id;
SQL
start_admin -w 2 --access-logfile "$T/log.access" \
    --access-logformat '%(i)s %(s)s %(m)s %(U)s %(S)s %(D)s %(w)s %(C)s'
await 10 workers_are 2

# ---- from the access log to the statements

expect 200 POST '/three?n=300000'
id=$(tr -d '\r' <"$T/head" | sed -n 's/^x-request-id: //Ip')
bytes=$(stat -c %s "$T/body")
await 10 grep -q "^$id " "$T/log.access"
read -r _ status method path sql_us took_us worker _ \
    <<<"$(grep "^$id " "$T/log.access")"
[ "$status $method $path" = '200 POST /three' ] || fail "$status $method $path"
await 10 shows "/api/monitoring/requests/$id" '$.status' 200
page "/api/monitoring/requests/$id"
json '$.id' "$id"
json '$.endpoint' 'POST /three'
json '$.path' /three
json '$.queries' 3
json '$.rows' 2
json '$.worker' "$worker"
json '$.bytes' "$bytes"
for i in 0 1 2; do
    json "\$.statements[$i].statement" $((i + 1))
done
line() { # REGEX: where that stands in the file
    grep -n "$1" "$T/app/api/three.sql" | head -n 1 | cut -d: -f1
}
json '$.statements[0].line' "$(line '^INSERT INTO')"
json '$.statements[1].line' "$(line '^WITH')"
json '$.statements[2].line' "$(line '^UPDATE')"
python3 - "$T/body" "$sql_us" "$took_us" <<'PY'
import json, sys
from client import check

r = json.load(open(sys.argv[1], encoding="utf-8"))
sql_us, took_us = int(sys.argv[2]), int(sys.argv[3])
ms = [s["duration_ms"] for s in r["statements"]]
check(abs(sum(ms) * 1000 - sql_us) < 10, f"{ms} ms, but {sql_us} us of SQL")
check(ms[1] > ms[0] and ms[1] > ms[2], f"the second one takes longest: {ms}")
check(r["phases_ms"]["sql"] >= sum(ms) - 0.01, f"with the commit: {r}")
spent = sum(r["phases_ms"].values())
check(abs(spent - r["duration_ms"]) < 0.05 * r["duration_ms"] + 0.05,
      f"phases of {spent} ms in all: {r}")
# The access log counts from the first byte to the last.
check(r["duration_ms"] * 1000 <= took_us + 1000, f"{took_us} us: {r}")
check(r["phases_ms"]["turn"] > 0, "waiting for the write lock is a phase")
PY

# What the cache had; and HEAD is shown as what it stands for.
for outcome in miss hit; do
    expect 200 HEAD /kept/3 -H "X-Request-ID: kept-$outcome"
    await 10 shows "/api/monitoring/requests/kept-$outcome" '$.status' 200
    page "/api/monitoring/requests/kept-$outcome"
    json '$.cache' $outcome
    json '$.method' HEAD
    json '$.endpoint' 'GET /kept/{id}'
done
json '$.queries' 0
json '$.statements' '[]'
URL=$ADMIN expect 404 GET /api/monitoring/requests/nobody
URL=$ADMIN expect 400 GET '/api/monitoring/requests?list=recent,others'

# ---- traceparent

n=0
trace=0af7651916cd43dd8448eb211c80319c
while read -r wanted field; do
    n=$((n + 1))
    expect 200 GET /items/1 -H "X-Request-ID: trace-$n" -H "traceparent: $field"
    await 10 shows "/api/monitoring/requests/trace-$n" '$.trace' "$wanted"
done <<TABLE
$trace 00-$trace-b7ad6b7169203331-01
$trace 00-$trace-b7ad6b7169203331-00
$trace cc-$trace-b7ad6b7169203331-01-what-comes
null   ff-$trace-b7ad6b7169203331-01
null   00-${trace^^}-b7ad6b7169203331-01
null   00-00000000000000000000000000000000-b7ad6b7169203331-01
null   00-$trace-0000000000000000-01
null   00-$trace-b7ad6b7169203331
null   00-$trace-b7ad6b7169203331-01-what
null   nonsense
TABLE

# ---- slow and failed

expect 200 GET '/work?n=3000000' -H 'X-Request-ID: slow-one'
expect 504 GET /forever -H 'X-Request-ID: late-one'
expect 500 GET /broken -H 'X-Request-ID: broken-one'
expect 404 GET /items/999 -H 'X-Request-ID: missing-one'
await 10 shows /api/monitoring/requests/missing-one '$.status' 404
page /api/monitoring/requests
python3 - "$T/body" <<'PY'
import json, sys
from client import check, same

page = json.load(open(sys.argv[1], encoding="utf-8"))
ids = {name: [r["id"] for r in page[name]] for name in page}
same(sorted(ids), ["current", "failed", "recent", "slow"], "lists")
same(ids["failed"], ["broken-one", "late-one"], "failed")
check("slow-one" in ids["slow"] and "late-one" in ids["slow"], f"slow: {ids}")
check("trace-1" not in ids["slow"] and "missing-one" not in ids["slow"],
      f"slow: {ids}")
check({"missing-one", "slow-one", "trace-10"} <= set(ids["recent"]),
      f"recent: {ids}")
check(all(r["duration_ms"] >= 40 for r in page["slow"]), "all slow")
same([r["status"] for r in page["failed"]], [500, 504], "status of the failed")
began = [r["started"] for r in page["recent"]]
same(began, sorted(began, reverse=True), "the newest first")
check(all(r["status"] is None and r["endpoint"] in (None,
          "GET /api/monitoring/requests", "GET /api/monitoring/requests/{id}")
          for r in page["current"]), f"current: {page['current']}")
PY
URL=$ADMIN expect 200 GET '/api/monitoring/requests?list=slow'
json '$.recent' null

# ---- at work, and killed at it

curl -s -m 60 -o /dev/null -H 'X-Request-ID: last-one' "$URL/second" &
client=$!
await 10 shows /api/monitoring/requests/last-one '$.statement' 2
page /api/monitoring/requests?list=current
python3 - "$T/body" <<'PY'
import json, sys
from client import check, same

[r] = [r for r in json.load(open(sys.argv[1], encoding="utf-8"))["current"]
       if r["id"] == "last-one"]
same((r["endpoint"], r["phase"], r["statement"], r["status"]),
     ("GET /second", "sql", 2, None), "at work")
check(r["duration_ms"] > 0, "for a while")
PY
page /api/monitoring/requests/last-one
json '$.statements[0].statement' 1
victim=$(value /api/monitoring/requests/last-one '$.pid')
kill -KILL "$victim"
wait $client && fail "the client of a killed worker has an answer"
await 10 workers_but "$victim" 2
await 10 shows '/api/monitoring/requests?list=failed' '$.failed[0].id' last-one
page '/api/monitoring/requests?list=failed'
json '$.failed[0].status' null
json '$.failed[0].pid' "$victim"
json '$.failed[0].endpoint' 'GET /second'
! shows '/api/monitoring/requests?list=current' '$.current[0].id' last-one ||
    fail "a dead worker is at work"
expect 200 GET /items/1 -H 'X-Request-ID: after'
await 10 shows /api/monitoring/requests/after '$.status' 200
page /api/monitoring/requests/last-one
json '$.status' null
stop
