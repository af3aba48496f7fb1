#!/bin/bash
# Goal: a client that pipelines heavy requests does not hold up the others of
# its worker: each turn answers one request of a connection.
. "$(dirname "$0")/lib.sh"

make_app
cat >"$T/app/api/heavy.sql" <<'SQL'
-- GET /heavy
-- @value
WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n LIMIT 400000)
SELECT sum(i) FROM n;
SQL
start -w 1
python3 - <<'PY' || fail "a neighbour waited for all that was pipelined"
from client import Connection, same
import select

greedy, modest = Connection(), Connection()
same(modest.get("/live").status, 200, "before")
one = b"GET /heavy HTTP/1.1\r\nHost: live\r\n\r\n"
greedy.send(one * 20)
same(greedy.read().status, 200, "the first heavy answer")
modest.ask("GET", "/live")
answered = 1
while not select.select([modest.socket], [], [], 0)[0]:
    same(greedy.read().status, 200, "a heavy answer")
    answered += 1
same(modest.read().status, 200, "the neighbour")
assert answered < 10, f"{answered} heavy answers came first"
PY
stop
