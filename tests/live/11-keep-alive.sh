#!/bin/bash
# Goal: a connection serves many requests; it closes when the client says so,
# after --keep-alive idle seconds, and after max-requests.
. "$(dirname "$0")/lib.sh"

make_app
start -w 1 --keep-alive 1
python3 - <<'PY'
from client import Connection, check, same
import time

with Connection() as c:
    for i in range(1, 51):
        answer = c.get(f"/items/{i}")
        same(answer.status, 200, f"request {i} on one connection")
        check("connection" not in answer.headers, "keep-alive goes unsaid")
    start = time.monotonic()
    check(c.is_closed(within=10), "an idle connection is closed")
    waited = time.monotonic() - start
    check(0.5 < waited < 4, f"after --keep-alive 1: {waited:.1f} s")

with Connection() as c:
    c.ask("GET", "/items/1", ["Connection: close"])
    same(c.read().headers.get("connection"), "close", "Connection")
    check(c.is_closed(within=0.8), "closed at once when asked to")

idle = [Connection() for _ in range(100)]
for c in idle:
    same(c.get("/api/health").status, 200, "one of many connections")
for c in idle:
    c.close()
PY
stop

start -w 1 --max-requests 5
first=$(workers)
for _ in 1 2 3 4 5; do expect 200 GET /items/1; done
await 10 gone "$first"
await 10 logged 'Autorestarting worker'
expect 200 GET /items/1
[ "$(workers)" != "$first" ] || fail "the worker was not replaced"
stop
