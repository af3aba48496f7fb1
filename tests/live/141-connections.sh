#!/bin/bash
# Goal: one address holds no more connections than its share, all workers
# together; nor do all addresses; who is idle or slow gives way to others; and
# what a worker held is not counted any more when it is killed.
. "$(dirname "$0")/lib.sh"
. "$here/operators.sh"

make_app
start_admin -w 2 --forwarded-allow-ips none --limit-connections-per-address 20 \
    --limit-connections 30 --keep-alive 60 --header-timeout 60
python3 - <<'PY'
import os
import signal
import socket
import subprocess
import time

from client import Closed, Connection, check, same


class From(Connection):
    """A connection from another loopback address."""

    def __init__(self, address):
        self.socket = socket.create_connection(
            ("127.0.0.1", int(os.environ["PORT"])), 10, (address, 0))
        self.pending = b""


def status(c):
    try:
        return c.get("/items/1").status
    except (Closed, ConnectionError):
        return None


held = [From("127.0.0.2") for _ in range(20)]
same({status(c) for c in held}, {200}, "within the share")
more = [From("127.0.0.2") for _ in range(5)]
same({status(c) for c in more}, {503}, "one address too often")
same(status(From("127.0.0.3")), 200, "another address")

# A worker dies: its connections are not held against the address.
workers = subprocess.run(["pgrep", "-f", "-P", os.environ["PID"],
                          "^prong: worker"], capture_output=True, text=True)
os.kill(int(workers.stdout.split()[0]), signal.SIGKILL)
alive = [c for c in held if status(c) == 200]
lost = 20 - len(alive)
deadline = time.monotonic() + 10
again = []
while len(again) < lost:
    check(time.monotonic() < deadline, f"{len(again)} of {lost} came back")
    c = From("127.0.0.2")
    if status(c) == 200:
        again.append(c)
    else:
        c.close()
        time.sleep(0.01)
same(status(From("127.0.0.2")), 503, "the share again")

# Beyond the limit of all, whoever is idle for longest goes.
crowd = [From(f"127.0.1.{i}") for i in range(1, 2)]
for i in range(2, 40):
    same(status(crowd[-1]), 200, f"newcomer {i} finds room")
    crowd.append(From(f"127.0.1.{i}"))
gone = sum(c.is_closed(0.01) for c in held + again)
check(gone >= 15, f"the idle went: {gone}")
PY
[ "$(value /api/monitoring/metrics '$.connections_refused')" -ge 6 ] ||
    fail "refused connections are not counted"
[ "$(value /api/monitoring/metrics '$.connections')" -le 34 ] ||
    fail "more connections than allowed"
logged 'Too many connections from ip=127\.0\.0\.2: more than 20 are refused'
! logged 'Too many connections from ip=127\.0\.0\.2' 2 || fail "told of twice"
stop
