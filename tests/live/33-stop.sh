#!/bin/bash
# Goal: TERM finishes what was begun and loses nothing that was accepted; INT
# and QUIT leave at once; graceful-timeout ends the patience.
. "$(dirname "$0")/lib.sh"

make_app
start -w 2
python3 - <<'PY'
from client import Connection, check, same
import os
import signal
import time

idle = Connection()
same(idle.get("/items/1").status, 200, "a connection that will be idle")
busy = [Connection() for _ in range(4)]
for c in busy:
    c.ask("GET", "/work?n=2000000")
half = Connection()
half.send("GET /items/1 HTTP/1.1\r\nHo")
time.sleep(0.1)  # let the requests reach the workers
os.kill(int(os.environ["PID"]), signal.SIGTERM)
half.send("st: a\r\n\r\n")
for c in busy:
    answer = c.read()
    same(answer.status, 200, "a request in flight at TERM")
for c in busy:
    check(c.is_closed(within=10), "its connection is closed, too")
same(half.read().status, 200, "a request that was being sent at TERM")
check(idle.is_closed(within=10), "the idle connection is closed")
PY
ended 20 0
logged 'Handling signal: term' || fail 'no "Handling signal: term"'
logged 'Shutting down: Master' || fail 'no "Shutting down"'
! curl -s -m 2 "$URL/items/1" || fail "still listening"

for signal in INT QUIT; do
    start -w 2
    curl -s -m 20 -o /dev/null "$URL/work?n=100000000" &
    kill "-$signal" "$PID"
    ended 10 0
    wait $! || true
done

start -w 1 --graceful-timeout 1
curl -s -m 30 -o /dev/null "$URL/work?n=100000000" &
client=$!
sleep 0.3 # let the request reach the worker
kill -TERM "$PID"
ended 10 0
wait "$client" || true
