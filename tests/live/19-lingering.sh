#!/bin/bash
# Goal: a client that is refused while it sends a large body can read why: the
# server goes on taking bytes for a while, so that no reset destroys the
# answer; but not for ever.
. "$(dirname "$0")/lib.sh"

make_app
start -w 1 --limit-request-body 10000
head -c 20000000 /dev/zero >"$T/zeros"
for _ in 1 2 3; do
    expect 413 POST /echo -H 'Expect:' --data-binary "@$T/zeros" \
        -H 'Content-Type: application/json'
done
python3 - <<'PY'
from client import Connection, check, same
import time

with Connection() as c:
    c.send("POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 90000000\r\n\r\n")
    for _ in range(20):
        c.send(b"x" * 10000)
    same(c.read().status, 413, "the answer, with bytes still in flight")

with Connection() as c:
    c.send("POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 90000000\r\n\r\n")
    same(c.read().status, 413, "the answer")
    start = time.monotonic()
    try:
        while time.monotonic() - start < 15:
            c.send(b"x" * 1000)
            time.sleep(0.05)
    except OSError:
        pass
    check(time.monotonic() - start < 14, "who never stops is cut off")
PY
stop
