"""The table "curve": what the cost of a hit grows with, and what not. Every
point has a server of its own, all of them run at a time, each is filled by
requests for all of its entries, and they are asked in turn."""
import contextlib
import hashlib
import json
import re
import shutil
import socket
import subprocess
import sys
import time
from collections import defaultdict
from dataclasses import dataclass

from cases import WORK, Case
from hits import ADMIN_TOKEN
from load import Sample, timed, warm_up
from servers import SERVER_CPU, Server, ask_plainly, first_start, prong, \
    running

FIRST = 1000000   # the lowest id, so that all paths are equally long
FOLDER = WORK / "curve"
NOTES = "/cached/notes/{n}"
BATCH = 256       # requests that the filler sends at once on a connection
FILLERS = 4       # connections of it
HIT_SHARE = 0.98  # less is no curve of hits
TABLES_MAX = 16


@dataclass
class Point:
    """A server of its own: `entries` answers kept, of which always the same
    one is asked for, or any of them."""
    curve: str
    at: int
    app: object
    path: str = NOTES
    entries: int = 1
    workers: int = 1
    low: int = FIRST
    flags: tuple = ()

    def cases(self):
        """{"one": Case, "any": Case}"""
        high = self.low + self.entries - 1
        middle = self.low + self.entries // 2  # neither first nor last
        kinds = {"one": (middle, middle)}
        if self.entries > 1:
            kinds["any"] = (self.low, high)
        return {kind: Case(f"{self.curve} {self.at}, {kind}", "", "GET",
                           self.path, *span, script="ids.lua")
                for kind, span in kinds.items()}


# ---- apps --------------------------------------------------------------------


def new_app(name):
    folder = FOLDER / name
    shutil.rmtree(folder, ignore_errors=True)
    for part in ("api", "schema"):
        (folder / part).mkdir(parents=True)
    (folder / "app.conf").write_text(f"name = {name}\ndatabase = bench.db\n")
    digest = hashlib.sha256(ADMIN_TOKEN.encode()).hexdigest()
    (folder / "demo.sql").write_text(
        "INSERT INTO tokens (sha256, role, name, created_at) VALUES"
        f" ('{digest}', 'admin', 'bench', '2026-01-01T00:00:00Z');\n")
    return folder


def endpoint(path, sql):
    return f"-- GET {path}\n-- @one\n-- @cache 1h\n{sql};\n\n"


def app_of_endpoints(count):
    """The same statement under `count` paths."""
    app = new_app(f"endpoints-{count}")
    (app / "schema/001.sql").write_text(
        "CREATE TABLE notes (id INTEGER PRIMARY KEY, name TEXT, price REAL);\n"
        "INSERT INTO notes VALUES (1, 'CooCook Booking Free', 9.5);\n")
    (app / "api/all.sql").write_text("".join(
        endpoint(f"/cached/{FIRST + i}", "SELECT id, name, price FROM notes")
        for i in range(count)))
    return app


def app_of_tables():
    """/cached/tables/{n}: a statement that reads n tables."""
    app = new_app("tables")
    numbers = range(1, TABLES_MAX + 1)
    (app / "schema/001.sql").write_text("".join(
        f"CREATE TABLE t{i} (id INTEGER PRIMARY KEY, v);\n"
        f"INSERT INTO t{i} VALUES (1, {i});\n" for i in numbers))
    (app / "api/all.sql").write_text("".join(
        endpoint(f"/cached/tables/{n}", "SELECT " + " + ".join(
            f"(SELECT v FROM t{i})" for i in range(1, n + 1)) + " AS sum")
        for n in numbers))
    return app


def points():
    app = WORK / "app"
    tables = app_of_tables()
    return [
        *(Point("endpoints", n, app_of_endpoints(n), "/cached/{n}", n)
          for n in (10, 100, 1000)),
        *(Point("entries", n, app, entries=n, flags=("--cache-size", "1G"))
          for n in (10, 1000, 100000, 1000000)),
        *(Point("tables", n, tables, "/cached/tables/{n}", low=n)
          for n in (1, 4, TABLES_MAX)),
        *(Point("workers", n, app, entries=1000, workers=n)
          for n in (1, 2, 4, 8)),
    ]


# ---- filling -----------------------------------------------------------------


def take_answers(client, count):
    """Reads until `count` answers have begun, each of which has to be a 200.
    No body has a status line in it; one that is cut in two is seen whole the
    next time."""
    rest = b""
    while count > 0:
        new = client.recv(1 << 20)
        got = rest + new
        if not new or re.search(rb"HTTP/1\.1 [1345]", got):
            raise RuntimeError(f"not filled: {got[:300]}")
        count -= got.count(b"HTTP/1.1 200")
        rest = got[-11:]


def fill(port, path, low, count):
    """Asks for every id once, pipelined on several connections in turn."""
    head, tail = path.split("{n}")
    with contextlib.ExitStack() as stack:
        clients = [stack.enter_context(socket.create_connection(
            ("127.0.0.1", port), 20)) for _ in range(FILLERS)]
        owed = [0] * FILLERS
        for nth, start in enumerate(range(low, low + count, BATCH)):
            at = nth % FILLERS
            take_answers(clients[at], owed[at])
            ids = range(start, min(start + BATCH, low + count))
            clients[at].sendall("".join(
                f"GET {head}{i}{tail} HTTP/1.1\r\nHost: bench\r\n\r\n"
                for i in ids).encode())
            owed[at] = len(ids)
        for client, count in zip(clients, owed):
            take_answers(client, count)


def cache_stats(port):
    answer = ask_plainly(port, "/api/cache/stats",
                         {"Authorization": f"Bearer {ADMIN_TOKEN}"})
    return json.loads(answer.body)


# ---- measuring ---------------------------------------------------------------


@contextlib.contextmanager
def started(point):
    """(pid, port) of its server, filled."""
    name = f"curve-{point.curve}-{point.at}"
    base = FOLDER / f"{point.app.name}.db"
    if not base.exists():
        first_start(point.app, base)
    with running(Server(name, prong(*point.flags)), point.app, base,
                 point.workers) as (pid, port, _log):
        fill(port, point.path, point.low, point.entries)
        for case in point.cases().values():
            warm_up(port, case)
        yield pid, port


def measure_point(point, where, seconds, found):
    _pid, port = where
    before = cache_stats(port)
    for kind, case in point.cases().items():
        found[point.curve, point.at, kind].append(
            timed(*where, case, seconds))
    after = cache_stats(port)
    hits, misses = (after[n] - before[n] for n in ("hits", "misses"))
    if hits == 0 or hits < HIT_SHARE * (hits + misses):
        raise RuntimeError(f"{point.curve} {point.at}: {misses} misses, "
                           f"{hits} hits: {after}")


def memory_alone(stats):
    """µs that the memory takes for a lookup among as many entries, as large
    as these are, without a server: see limit/scatter.c."""
    out = subprocess.run([str(a) for a in (
        "taskset", "-c", SERVER_CPU, WORK / "scatter", stats["entries"],
        stats["bytes"] // stats["entries"])],
        capture_output=True, text=True, check=True).stdout
    return Sample(float(out) / 1e3, 0, 0)


def measure_curve(rounds, seconds):
    """{(curve, at, "one", "any" or "memory"): [Sample]}"""
    found = defaultdict(list)
    for old in FOLDER.glob("*.db*"):
        old.unlink()
    with contextlib.ExitStack() as stack:
        asked = []
        for point in points():
            began = time.monotonic()
            asked.append((point, stack.enter_context(started(point))))
            print(f"  curve: {point.curve} {point.at} is filled, "
                  f"{time.monotonic() - began:.0f} s", file=sys.stderr)
        for nth in range(1, rounds + 1):
            for point, where in asked:
                measure_point(point, where, seconds, found)
            print(f"  curve, round {nth} of {rounds}", file=sys.stderr)
        for point, (_pid, port) in asked:
            if point.curve == "entries":
                found[point.curve, point.at, "memory"].append(
                    memory_alone(cache_stats(port)))
    return found
