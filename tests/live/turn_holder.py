"""What 94-turn-holder.sh does: one holds the turn, or the database's lock,
and others wait.

    turn_holder.py inside|outside DB
"""

from client import Closed, check, same
from operators import await_, page
from pinned import connections, workers
import os
import re
import select
import signal
import sqlite3
import subprocess
import sys
import time

FAR_SOONER = 15.0  # seconds; who waits would for 50
HOLD = """import sqlite3, sys
db = sqlite3.connect(sys.argv[1], isolation_level=None, timeout=20)
db.execute("BEGIN IMMEDIATE")
print("held", flush=True)
sys.stdin.readline()
db.execute("COMMIT")
"""
database = sys.argv[2]
written = set()  # what was answered 201


def text(path):
    with open(path, encoding="utf-8", errors="replace") as f:
        return f.read()


def log():
    return text(os.environ["LOG"])


def logged(pattern):
    return re.search(pattern, log())


class Client:
    """A connection to that worker."""

    def __init__(self, worker):
        self.worker = worker
        self.c, = connections(worker, 1, "/rows/last")

    def post(self, path, token):
        self.token = token
        self.c.ask("POST", f"{path}?token={token}")

    def waits(self, seconds=0.0):
        """Nothing has come so far."""
        return not select.select([self.c.socket], [], [], seconds)[0]

    def is_written(self):
        answer = self.c.read()
        same(answer.status, 201, f"{self.token}: {answer}")
        written.add(self.token)

    def is_refused(self):
        answer = self.c.read()
        same(answer.status, 503, f"{self.token}: {answer}")
        check(int(answer.headers["retry-after"]) > 0, f"{answer}")
        same(answer.headers["content-type"], "application/problem+json",
             "a refusal")

    def reads(self):
        same(self.c.get("/rows/last").status, 200, "a read meanwhile")


def holder():
    return page("/api/monitoring/writers")["holder"] or {}


def holds(client, endpoint):
    """Waits until its worker is at that endpoint, with the turn."""
    def true():
        seen = holder()
        return seen if (seen.get("pid"), seen.get("endpoint")) == (
            client.worker, endpoint) else None
    return await_(true, f"{client.worker} has the turn")


def rows_are(what):
    db = sqlite3.connect(database)
    there = [t for t, in db.execute("SELECT token FROM rows")]
    db.close()
    same(sorted(there), sorted(written), what)


def in_order(*tokens):
    """As they were written."""
    db = sqlite3.connect(database)
    rows = [t for t, in db.execute("SELECT token FROM rows ORDER BY id")]
    db.close()
    return [t for t in rows if t in tokens]


# ---- the turn

def queue():
    return page("/api/monitoring/writers")["queue"]["requests"]


def long_statement():
    """Its time is longer than others', and shorter than others'. Who leaves
    while it waits gives its place up, and the others of its worker keep
    theirs."""
    first, second, third = workers()
    a, b, c = Client(first), Client(second), Client(third)
    stays, gone, reader = Client(second), Client(second), Client(second)
    a.post("/never", "long")
    seen = holds(a, "POST /never")
    alone = queue()
    c.post("/patient", "c.1")
    await_(lambda: queue() == alone + 1, "one in the queue")
    stays.post("/patient", "stays")
    gone.post("/patient", "gone")
    await_(lambda: queue() == alone + 3, "three in the queue")
    gone.c.close()
    await_(lambda: queue() == alone + 2, "two in the queue")
    b.post("/impatient", "b.1")
    b.is_refused()
    check(a.waits() and c.waits() and stays.waits(), "the turn was passed on")
    reader.reads()
    reader.c.ask("GET", "/endless")  # longer than the holder
    await_(lambda: logged(rf"had no turn in time: \d+; worker {first} has "
                          rf"held it for \d+\.\d+ s, at {seen['id']}\b"),
           "the holder's name in the log")
    answer = a.c.read()
    same(answer.status, 504, "the holder's time")
    same(answer.headers["x-request-id"], seen["id"], "the holder's request")
    c.is_written()
    # Now it is the turn of one that is in the midst of a long read.
    c.post("/patient", "c.2")
    c.is_written()
    check(reader.waits(), "a turn was kept through a long read")
    same(reader.c.read().status, 504, "the long read")
    stays.is_written()
    b.post("/patient", "b.2")
    b.is_written()
    names = [(s["endpoint"], s["id"])
             for s in page("/api/monitoring/writers")["slowest"]]
    check(("POST /never", seen["id"]) in names, f"slowest: {names}")
    await_(lambda: re.search(r"^499 POST /patient$",
                             text(os.environ["ACCESS"]), re.M),
           "status 499 in the access log")
    rows_are("after a long statement")


def standstill():
    """The holder is stopped in the middle. Reads go on; the master kills it
    within moments, and behind it, first come is first served."""
    first, second, third = workers()
    a, b, c, d = Client(first), Client(second), Client(third), Client(third)
    a.post("/never/patient", "still")
    holds(a, "POST /never/patient")
    alone = queue()
    d.post("/patient", "d.3")
    await_(lambda: queue() == alone + 1, "one in the queue")
    os.kill(first, signal.SIGSTOP)
    b.post("/patient", "b.3")
    for _ in range(5):
        c.reads()
    d.is_written()
    b.is_written()
    check(logged(rf"Worker \(pid:{first}\) is stopped, and others wait for it"),
          "the log does not say why")
    try:
        check(False, f"the dead answered: {a.c.read()}")
    except (Closed, OSError):
        pass
    rows_are("after a standstill")
    same(in_order("b.3", "d.3"), ["d.3", "b.3"], "first come, first served")
    await_(lambda: len(workers()) == 3, "three workers")


def death():
    """Who waits is answered far sooner than its time, also when no other
    worker takes the dead one's place."""
    first, second, third = workers()
    a = Client(first)
    others = [Client(second), Client(second), Client(third)]
    a.post("/never/patient", "dead")
    holds(a, "POST /never/patient")
    alone = queue()
    for n, c in enumerate(others):
        c.post("/patient", f"heir.{n}")
    await_(lambda: queue() == alone + len(others), "those who wait")
    os.kill(int(os.environ["PID"]), signal.SIGTTOU)  # the oldest is to go
    await_(lambda: logged("Handling signal: ttou"), "one worker less")
    since = time.monotonic()
    os.kill(first, signal.SIGKILL)
    for c in others:
        c.is_written()
    took = time.monotonic() - since
    check(took < FAR_SOONER, f"the turn passed after {took:.1f} s")
    print(f"the turn passed {took * 1000:.0f} ms after the kill")
    try:
        check(False, f"the dead answered: {a.c.read()}")
    except (Closed, OSError):
        pass
    rows_are("after a death")


# ---- the lock

class Stranger:
    """A process that takes no turns and holds the lock of the database."""

    def __enter__(self):
        self.process = subprocess.Popen(
            [sys.executable, "-c", HOLD, database], stdin=subprocess.PIPE,
            stdout=subprocess.PIPE)
        same(self.process.stdout.readline(), b"held\n", "the lock")
        self.pid = self.process.pid
        return self

    def let_go(self):
        self.process.stdin.close()
        self.process.wait()

    def __exit__(self, *_):
        if not self.process.stdin.closed:
            self.let_go()
        self.process.stdout.close()


def outside():
    worker, = workers()
    writer, hasty, reader, gone = (Client(worker) for _ in range(4))
    with Stranger() as stranger:
        command = text(f"/proc/{stranger.pid}/comm").strip()
        writer.post("/patient", "locked.1")
        gone.post("/patient", "locked.gone")
        hasty.post("/impatient", "locked.2")
        hasty.is_refused()
        gone.c.close()
        end = time.monotonic() + 2
        while time.monotonic() < end:
            reader.reads()
            check(writer.waits(0.01), "written in spite of the lock")
        check(time.monotonic() - end < 5, "a read waited")
        hasty.post("/impatient", "locked.3")
        hasty.is_refused()
        await_(lambda: logged(rf"process {stranger.pid} \({command}\) has held "
                              "the write lock"), "the stranger's name")
        check(writer.waits(), "it gave up early")
    writer.is_written()
    await_(lambda: logged("the write lock is free again"), "the end in the log")
    hasty.post("/patient", "free")
    hasty.is_written()
    rows_are("after a lock")


def inside():
    long_statement()
    standstill()
    death()


{"inside": inside, "outside": outside}[sys.argv[1]]()
