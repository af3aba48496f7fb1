"""The table "writes": who writes through many processes, how fast, how dearly,
and whether all are served alike. And two smaller ones: a single write that
nobody disturbs, and reads beside writes."""
import contextlib
import pathlib
import sqlite3
import sys
import time
from collections import defaultdict
from dataclasses import dataclass

from cases import WORK, plain_cases
from clients import Crowd, ask_all, connected
from servers import SERVERS, ask, cpu_us, running

WARM_UP_SECONDS = 0.1
FILLERS, FILLS, FILL_SECONDS = 64, 8, 0.1
CLIENTS = (1, 4, 16, 64)
WORKERS = (1, 2, 4, 8)
SHARED = ("prong-full", "prong-normal", "naive")
ALONE = ("bun-full", "bun-normal", "fastify-full", "fastify-normal")


def case_named(name):
    return next(case for case in plain_cases() if case.name == name)


# ---- a server with a database that is counted and removed --------------------


def database_of(server):
    return WORK / "run" / server.name / "bench.db"


def rows_of(server):
    path = database_of(server)
    with contextlib.closing(sqlite3.connect(path, timeout=5)) as db:
        return db.execute("SELECT count(*) FROM orders").fetchone()[0]


@dataclass
class Asked:
    """A server that runs, how many of its writes were acknowledged, and of
    how many nobody knows."""
    server: object
    pid: int
    port: int
    workers: int
    written: int = 0
    unknown: int = 0

    def note(self, tally):
        self.written += tally.good
        self.unknown += tally.lost

    def connected(self, count):
        return connected(self.pid, self.port, count, self.workers)

    def write(self, clients, seconds):
        tally = ask_all(clients, case_named("insert"), seconds)
        self.note(tally)
        return tally


def fill_wal(on):
    """Until the WAL's file has the size that it keeps, as on a server that
    has run for a minute. While it grows, each sync writes the file system's
    own records too, which doubles what an insert costs."""
    wal = pathlib.Path(f"{database_of(on.server)}-wal")
    with on.connected(FILLERS) as spread:
        for _ in range(FILLS):
            size = wal.stat().st_size
            on.write(spread.clients, FILL_SECONDS)
            if wal.stat().st_size == size:
                return


@contextlib.contextmanager
def asked(name, app, base, workers=1):
    """An Asked. At its end the rows that are there have to be those that were
    acknowledged; what was refused may not be there."""
    server = SERVERS[name]
    case = case_named("insert")
    try:
        with running(server, app, base, workers, case) as (pid, port, log):
            before = rows_of(server)
            status, body = ask(port, "POST", case.path, case.filled(
                case.body, case.high))
            if status != case.status or b'"pending"' not in body:
                raise RuntimeError(f"{name}: {status} {body[:300]}")
            found = Asked(server, pid, port, workers, 1)
            fill_wal(found)
            yield found
        there = rows_of(server) - before
        if not 0 <= there - found.written <= found.unknown:
            raise RuntimeError(f"{name}: {found.written} writes were "
                               f"acknowledged, {there} rows are there:\n"
                               f"{log.read_text()[-600:]}")
    finally:
        for old in database_of(server).parent.glob("bench.db*"):
            old.unlink()


# ---- writes ------------------------------------------------------------------


def shares(counts):
    """The smallest and the largest, of what each would have if all had the
    same."""
    mean = sum(counts) / len(counts)
    return (min(counts) / mean, max(counts) / mean) if mean else (0, 0)


def by_worker(counts, pids):
    total = defaultdict(int)
    for count, pid in zip(counts, pids):
        total[pid] += count
    return list(total.values())


@dataclass
class Written:
    us: float           # CPU of all processes of the server, an insert
    per_second: float
    p50_ms: float
    p99_ms: float
    worst_ms: float
    errors: int
    clients: tuple      # the smallest and the largest share of a client
    of_workers: object  # … and of a worker; null: they have nothing to share


def measure_point(on, count, seconds):
    with on.connected(count) as spread:
        on.write(spread.clients, WARM_UP_SECONDS)
        before = cpu_us(on.pid)
        tally = on.write(spread.clients, seconds)
        spent = cpu_us(on.pid) - before
    alike = on.workers > 1 and count % on.workers == 0
    return Written(
        spent / max(tally.good, 1), tally.per_second, tally.p50_ms,
        tally.p99_ms, tally.worst_ms, tally.errors, shares(tally.counts),
        shares(by_worker(tally.counts, spread.pids)) if alike else None)


def measure_matrix(app, base, servers, rounds, seconds):
    """{(workers, clients, server): [Written]}; the servers take turns."""
    found = defaultdict(list)
    for nth in range(1, rounds + 1):
        for workers in WORKERS:
            for name in servers:
                if name in ALONE and workers > 1:
                    continue
                began = time.monotonic()
                with asked(name, app, base, workers) as on:
                    for count in CLIENTS:
                        found[workers, count, name].append(
                            measure_point(on, count, seconds))
                print(f"  writes, round {nth} of {rounds}: {name}, {workers} "
                      f"workers, {time.monotonic() - began:.0f} s",
                      file=sys.stderr)
    return found


# ---- one that nobody disturbs ------------------------------------------------


UNDISTURBED = (("prong-full", "naive"), ("prong-normal", "naive-normal"))
TURNS = 2  # a b, b a


def take_turns(sides, seconds):
    found = []
    for turn in range(TURNS):
        order = sides if turn % 2 == 0 else sides[::-1]
        got = [measure_point(on, 1, seconds) for on in order]
        found.append(tuple(got if turn % 2 == 0 else got[::-1]))
    return found


def measure_undisturbed(app, base, only, rounds, seconds):
    """{(server, server): [(Written, Written)]}, one client and one worker."""
    found = defaultdict(list)
    for _ in range(rounds):
        for pair in UNDISTURBED:
            if only and not set(pair) <= set(only):
                continue
            with contextlib.ExitStack() as stack:
                found[pair] += take_turns([stack.enter_context(
                    asked(name, app, base)) for name in pair], seconds)
    return found


# ---- reads beside writes -----------------------------------------------------


READERS, READS_PER_SECOND = 4, 500
READS = {"hit": "/cached/chefs/7", "read": "/chefs/{n}"}
WRITERS = 16
READ_WORKERS = 2


@dataclass
class Beside:
    """Reads while `writers` clients write, so many a second altogether, or as
    fast as they can (0)."""
    title: str
    server: str
    writers: int = 0
    rate: int = 0


LOADS = (("alone", 0, 0), ("3,000 writes/s", WRITERS, 3000),
         ("16 writers", WRITERS, 0))
BESIDE = tuple(
    Beside(title, server, writers, rate)
    for server in ("prong-full", "prong-checkpoints", "bun-full")
    for title, writers, rate in LOADS
    if writers or server != "prong-checkpoints")


def read_cases():
    case = case_named("read")
    found = {}
    for name, path in READS.items():
        found[name] = case_named("read")
        found[name].path, found[name].high = path, case.high
    return found


def measure_beside(beside, app, base, seconds):
    """{kind of read or "write": Tally}"""
    workers = 1 if beside.server in ALONE else READ_WORKERS
    with asked(beside.server, app, base, workers) as on, \
            contextlib.ExitStack() as stack:
        def enter(count):
            return stack.enter_context(on.connected(count)).clients
        readers = {kind: (case, enter(READERS))
                   for kind, case in read_cases().items()}
        writers = enter(beside.writers)
        for case, clients in readers.values():
            ask_all(clients, case, WARM_UP_SECONDS)
        crowds = {kind: Crowd(clients, case, seconds, READS_PER_SECOND)
                  for kind, (case, clients) in readers.items()}
        if writers:
            crowds["write"] = Crowd(writers, case_named("insert"), seconds,
                                    beside.rate)
        found = {kind: crowd.tally() for kind, crowd in crowds.items()}
        if writers:
            on.note(found["write"])
    return found


def measure_reads(app, base, servers, rounds, seconds):
    """{(server, title): [{kind: Tally}]}"""
    found = defaultdict(list)
    for _ in range(rounds):
        for beside in BESIDE:
            if beside.server in servers:
                found[beside.server, beside.title].append(
                    measure_beside(beside, app, base, seconds))
    return found


# ---- the whole ---------------------------------------------------------------


def measure_writes(app, base, present, rounds, seconds):
    """(matrix, undisturbed, reads). `present` gives those of some servers
    that can be measured here."""
    matrix = measure_matrix(app, base, present(SHARED + ALONE), rounds, seconds)
    others = present(("prong-full", "naive", "prong-normal", "naive-normal",
                      "prong-checkpoints", "bun-full"))
    return (matrix,
            measure_undisturbed(app, base, others, rounds, seconds),
            measure_reads(app, base, others, rounds, seconds))
