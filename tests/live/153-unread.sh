#!/bin/bash
# Goal: clients who ask for large answers and do not read them cost the worker
# no more memory than limit-unsent, and a normal client beside them nothing;
# who reads goes on.
. "$(dirname "$0")/lib.sh"
. "$here/operators.sh"

make_app
case $prong in */san-*) skip "the sanitizers keep what was given back" ;; esac
start_admin -w 1 --limit-unsent 16M
WORKER=$(workers)
export WORKER
python3 - <<'PY'
import contextlib
import os
import socket
import threading
import time

from client import Connection, check, same

LARGE = b"GET /long?n=40000 HTTP/1.1\r\nHost: a\r\n\r\n"  # 4 MB
PORT = int(os.environ["PORT"])


def pss_mb():
    with open(f"/proc/{os.environ['WORKER']}/smaps_rollup") as f:
        return next(int(line.split()[1]) for line in f
                    if line.startswith("Pss:")) / 1024


def deaf():
    s = socket.socket()
    s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    s.settimeout(20)
    s.connect(("127.0.0.1", PORT))
    s.sendall(LARGE)
    return s


def read_slowly(s, got, over):
    """A client on a slow line: 4 MB in some seconds."""
    while not over.is_set():
        data = s.recv(65536)
        if not data:
            break
        got.append(len(data))
        time.sleep(0.01)


with Connection() as normal:
    same(normal.get("/long?n=40000").status, 200, "one that reads")
    before = pss_mb()
    slow, got, over = socket.create_connection(("127.0.0.1", PORT)), [], \
        threading.Event()
    slow.sendall(LARGE)
    reader = threading.Thread(target=read_slowly, args=(slow, got, over))
    reader.start()
    readers, most = [], 0
    for i in range(24):
        readers.append(deaf())
        same(normal.get("/items/1").status, 200, f"a client beside {i}")
        most = max(most, pss_mb())
    for s in readers:  # each has got the beginning of its answer, or was ended
        with contextlib.suppress(ConnectionResetError):
            s.recv(1)
    most = max(most, pss_mb())
    # Beside what is held, each of four threads makes another, in a buffer that
    # doubles; without the limit it is 96 MB more.
    check(most < before + 16 + 4 * 8,
          f"{before:.0f} MB became {most:.0f}")
    time.sleep(0.3)
    check(reader.is_alive() and sum(got) > 500000,
          f"who reads goes on: {sum(got)} bytes")
    over.set()
    reader.join()
PY
ended=$(value /api/monitoring/metrics '$.connections_unread')
[ "$ended" -ge 16 ] || fail "only $ended were ended"
[ "$(value /api/monitoring/metrics '$.unsent_bytes')" -le $((20 << 20)) ] ||
    fail "more is held than may be"
logged 'Too many answers wait to be read, and ip=127\.0\.0\.1 reads least' ||
    fail "the log does not say it"
! logged 'Too many answers wait' 2 || fail "told of twice"
stop
