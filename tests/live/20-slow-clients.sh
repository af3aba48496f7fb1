#!/bin/bash
# Goal: who sends a head or a body too slowly gets 408, who does not read its
# answer is dropped, and others are served meanwhile.
. "$(dirname "$0")/lib.sh"

make_app
start -w 1 --header-timeout 1 --body-timeout 1 --send-timeout 1 --keep-alive 5
python3 - <<'PY'
from client import Closed, Connection, check, same
import concurrent.futures
import time


def others_are_served():
    with Connection(timeout=2) as c:
        same(c.get("/items/1").status, 200, "another client meanwhile")


def refused(c, what):
    others_are_served()
    start = time.monotonic()
    answer = c.read()
    same(answer.status, 408, what)
    same(answer.headers.get("connection"), "close", what)
    check(0.3 < time.monotonic() - start < 5, f"{what}: in time")
    check(c.is_closed(), f"{what}: closed")


def half_a_head():
    with Connection() as c:
        c.send("GET /items/1 HTTP/1.1\r\nHo")
        refused(c, "half a head")


def half_a_body():
    with Connection() as c:
        c.send("POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\n{")
        refused(c, "half a body")


def drip():
    """A byte now and then does not buy time."""
    with Connection() as c:
        try:
            for i in range(40):
                c.send("E" if i else "G")
                time.sleep(0.1)
        except OSError:
            return
    check(False, "a drip is never cut off")


def half_a_second():
    with Connection() as c:
        same(c.get("/items/1").status, 200, "the first request")
        c.send("GET")
        refused(c, "half a second request")


def does_not_read():
    with Connection(receive=4096) as c:
        c.ask("GET", "/long?n=200000")
        others_are_served()
        time.sleep(4)
        try:
            while True:
                c._take(65536)
        except (Closed, OSError):
            pass
        others_are_served()


def reads_slowly():
    with Connection(receive=4096) as c:  # but goes on
        c.ask("GET", "/long?n=20000")
        for _ in range(12):
            time.sleep(0.2)
            c.pending += c.socket.recv(50000)
        same(c.read().status, 200, "slow, but going on")


def says_nothing():
    with Connection() as c:
        check(c.is_closed(within=10), "who says nothing is closed, too")


with concurrent.futures.ThreadPoolExecutor(8) as pool:
    for done in [pool.submit(f) for f in (
            half_a_head, half_a_body, drip, half_a_second, does_not_read,
            reads_slowly, says_nothing)]:
        done.result()
PY
stop
