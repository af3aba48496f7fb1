#!/bin/bash
# Goal: more connections than descriptors: the server neither dies nor spins,
# serves those it could accept, and serves everybody afterwards; more than
# --worker-connections wait their turn.
. "$(dirname "$0")/lib.sh"

make_app
hard=$(ulimit -Hn)
ulimit -Sn 128 # half of them are its own
start -w 1 --keep-alive 30
ulimit -Sn "$hard"
WORKER=$(workers)
export WORKER
python3 - <<'PY'
from client import Closed, Connection, check, same
import os

ticks = lambda: sum(map(int, open(  # noqa: E731
    f"/proc/{os.environ['WORKER']}/stat").read().split()[13:15]))
many = [Connection(timeout=1) for _ in range(200)]
for c in many:
    c.ask("GET", "/items/1")
served = 0
before = ticks()
for c in many:
    try:
        same(c.read().status, 200, "an accepted connection")
        served += 1
    except (Closed, OSError):
        break
check(served >= 30, f"only {served} were served")
check(ticks() - before < 80, "the worker spins while it cannot accept")
for c in many:
    c.close()
PY
[ "$(workers)" = "$WORKER" ] || fail "the worker died"
await 10 is_ready
expect 200 GET /items/1
stop

start -w 1 --worker-connections 10
python3 - <<'PY'
from client import Connection, same
first = [Connection() for _ in range(10)]
for c in first:
    same(c.get("/items/1").status, 200, "within the limit")
late = Connection()
late.ask("GET", "/items/2")
for c in first:
    c.close()
same(late.read().status, 200, "after others have left")
PY
stop
