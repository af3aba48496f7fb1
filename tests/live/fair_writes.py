"""The load of 92-fair-writes.sh: forty clients that write without a pause, on
connections that stay open, and four that read; what operators see meanwhile.

    fair_writes.py SECONDS DB
"""

from client import check, same
from operators import page, samples
from pinned import connections, workers
import json
import selectors
import sqlite3
import struct
import sys
import threading
import time

WRITERS, EACH, BATCH = 40, 5, 5  # EACH: of every worker
WORST = 5.0  # seconds; what it is on a quiet machine, bench/ tells


def row(token):
    return {"token": token, "body": token}


class Client:
    """One connection, to that worker, with one request under way."""

    def __init__(self, number, worker, connection):
        self.number = number
        self.worker = worker
        self.c = connection
        self.tokens = []
        self.waits = []
        self.count = 0

    def ask(self):
        self.count += 1
        self.since = time.monotonic()
        self.send(f"{self.number}.{self.count}")

    def send(self, token):
        kind = self.number % 5
        if kind == 4:
            mine = [f"{token}.{i}" for i in range(BATCH)]
            path, body = "/batches", {"rows": [row(t) for t in mine]}
        else:
            mine = [token]
            path, body = "/pairs" if kind == 3 else "/rows", row(token)
        self.tokens += mine
        self.c.ask("POST", path, ["Content-Type: application/json"],
                   json.dumps(body).encode())

    def take(self):
        answer = self.c.read()
        self.waits.append(time.monotonic() - self.since)
        same(answer.status, self.wanted(), f"client {self.number}: {answer}")
        check("connection" not in answer.headers, f"{answer}")

    def wanted(self):
        return 201


class Reader(Client):
    def send(self, token):
        self.c.ask("GET", "/rows/last")

    def wanted(self):
        return 200


def run(clients, seconds):
    """Each sends its next request when the last one was answered."""
    ready = selectors.DefaultSelector()
    for client in clients:
        ready.register(client.c.socket, selectors.EVENT_READ, client)
        client.ask()
    end = time.monotonic() + seconds
    waiting = len(clients)
    while waiting:
        events = ready.select(20)
        check(events, f"{waiting} clients are not answered")
        for key, _ in events:
            key.data.take()
            if time.monotonic() < end:
                key.data.ask()
            else:
                waiting -= 1


class Watch(threading.Thread):
    """Looks at /api/monitoring/writers on and on."""

    def run(self):
        self.over = False
        self.looks = self.holders = self.longest = 0
        while not self.over:
            seen = page("/api/monitoring/writers")
            self.looks += 1
            self.holders += seen["holder"] is not None
            self.longest = max(self.longest, seen["queue"]["requests"])
            time.sleep(0.02)


def copied(database):
    """Frames of the WAL that were copied into the database (nBackfill), and
    how often it began anew: sqlite.org/walformat.html, 2.3 and 1.1."""
    with open(database + "-shm", "rb") as f:
        frames, = struct.unpack_from("=I", f.read(100), 96)
    with open(database + "-wal", "rb") as f:
        times, = struct.unpack_from(">I", f.read(32), 12)
    return frames, times


def rows_are(database, writers):
    sent = [t for w in writers for t in w.tokens]
    db = sqlite3.connect(database)
    there = [t for t, in db.execute("SELECT token FROM rows")]
    audit = [t for t, in db.execute("SELECT token FROM audit")]
    whole = db.execute("PRAGMA integrity_check").fetchone()[0]
    db.close()
    same(whole, "ok", "integrity_check")
    check(sorted(there) == sorted(sent), f"{len(there)} rows are there, "
          f"{len(sent)} were acknowledged, {len(set(there))} different")
    pairs = [t for w in writers if w.number % 5 == 3 for t in w.tokens]
    check(sorted(audit) == sorted(pairs), "second statements of pairs")


def figures(clients):
    """How many answers; mean, 99 of 100 and worst wait, ms."""
    waits = sorted(t * 1000 for c in clients for t in c.waits)
    return (f"{len(waits)} answers, {sum(waits) / len(waits):.1f} ms, "
            f"p99 {waits[len(waits) * 99 // 100]:.1f}, worst {waits[-1]:.1f}")


def even(counts, what):
    print(f"{what}: {min(counts)} to {max(counts)} writes")
    check(min(counts) > sum(counts) / len(counts) / 3,
          f"{what} are uneven: {sorted(counts)}")


seconds, database = float(sys.argv[1]), sys.argv[2]
writers, readers = [], []
for worker in workers():
    for c in connections(worker, EACH, "/rows/last"):
        writers.append(Client(len(writers), worker, c))
    readers.append(Reader(0, worker, *connections(worker, 1, "/rows/last")))
writers[0].ask()  # so that the WAL has a header
writers[0].take()
before = copied(database)
watch = Watch()
watch.start()
try:
    run(writers + readers, seconds)
finally:
    watch.over = True
    watch.join()
same(len(writers), WRITERS, "writers")
same(copied(database), before, "what was copied by a worker")
rows_are(database, writers)
counts = [c.count for c in writers]
print("writes:", figures(writers))
print("reads:", figures(readers))
even(counts, "clients")
even([sum(c.count for c in writers if c.worker == w) for w in workers()],
     "workers")
print(f"operators: {watch.looks} looks, a holder in {watch.holders}, "
      f"up to {watch.longest} requests in the queue")
check(sum(counts) > 5 * WRITERS, f"{sum(counts)} writes: no load")
check(max(t for c in writers for t in c.waits) < WORST, "a write waited")
check(max(t for c in readers for t in c.waits) < WORST, "a read waited")

# What operators see: each write waited once, and turns were held.
seen = page("/api/monitoring/writers")
check(watch.longest > 0, "the queue was never seen")
check(watch.holders > 0, "no holder was ever seen")
same(seen["queue"], {"workers": 0, "requests": 0}, "the queue afterwards")
same(seen["holder"], None, "the holder afterwards")
for what in ("wait", "hold"):
    times = seen[what]
    check(0 < times["p50"] <= times["p99"] and times["max"] > 0, f"{times}")
counted = samples()
waited = counted["prong_turnstile_wait_seconds_count", None]
held = counted["prong_turnstile_hold_seconds_count", None]
check(waited >= sum(counts), f"{waited} waits of {sum(counts)} writes")
check(0 < held <= waited, f"{held} turns of {waited} writes")
check(0 < seen["sync"]["syncs"] <= seen["sync"]["commits"] ==
      seen["sync"]["covered"], f"{seen['sync']}")
names = {s["endpoint"] for s in seen["slowest"]}
check(names & {"POST /rows", "POST /pairs", "POST /batches"}, f"{names}")
