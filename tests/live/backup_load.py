"""The load of 102-backup.sh: clients move amounts from one table to another,
while backups are made. Prints nothing unless something is wrong.

    backup_load.py COPIES COMMAND…

COMMAND gets the name of the file behind it, $T/copy-1.db and so on."""

from client import Connection, check
import os
import subprocess
import sys
import threading
import time

CLIENTS, GAP_MAX = 4, 5.0
stop = threading.Event()
acknowledged = [0] * CLIENTS
last = [time.monotonic()] * CLIENTS
gaps = [0.0] * CLIENTS
failures = []


def move(client):
    c = Connection()
    while not stop.is_set() and not failures:
        c.ask("POST", "/move?n=1")
        answer = c.read()
        if answer.status != 204:
            failures.append(repr(answer))
        acknowledged[client] += 1
        now = time.monotonic()
        gaps[client] = max(gaps[client], now - last[client])
        last[client] = now
        if answer.headers.get("connection") == "close":
            c = Connection()


def progressed(since):
    """Each client has been answered since."""
    return all(a > b for a, b in zip(acknowledged, since))


def until_progressed():
    since = list(acknowledged)
    while not failures and not progressed(since):
        time.sleep(0.005)


threads = [threading.Thread(target=move, args=(i,)) for i in range(CLIENTS)]
for t in threads:
    t.start()
try:
    for number in range(1, int(sys.argv[1]) + 1):
        until_progressed()
        before = list(acknowledged)
        name = f"{os.environ['T']}/copy-{number}.db"
        subprocess.run([*sys.argv[2:], name], check=True)
        after = sum(acknowledged)
        check(progressed(before), f"writers stood still: {before}, {after}")
        # One more of each client may have been written and not answered yet.
        with open(f"{name}.bounds", "w", encoding="ascii") as f:
            f.write(f"{sum(before)} {after + CLIENTS}\n")
finally:
    stop.set()
    for t in threads:
        t.join()
check(not failures, "\n".join(failures[:5]))
check(max(gaps) < GAP_MAX, f"a writer waited {max(gaps):.1f} s")
