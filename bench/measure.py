"""Measures every case on every server and prints the tables; bench/run.sh
calls it when everything is built. See bench/README.md."""
import argparse
import functools
import json
import re
import subprocess
import sys
import time
from collections import defaultdict
from dataclasses import dataclass
from typing import Callable

import report
from cases import ROOT, WORK, expected, plain_cases, platform_cases, \
    static_cases, without
from curve import measure_curve
from hits import learn, measure_hits
from load import Sample, sample
from pairs import measure_pairs
from servers import SERVER_CPU, SERVERS, ask, ask_json, copy_database, \
    first_start, limit_arguments, pss_kib, running
from writes import measure_writes
from writes_report import add_writes

SECONDS, WRITES_SECONDS = 4, 0.7
LIMIT = ("bare", "loop")
# Without a socket; writes as many as a timed run makes, since each makes the
# next one dearer.
ALONE_RUNS = {"read": 200000, "insert": 50000, "booking": 30000}
ALONE_RUNS_ELSE = 10000


TOKENS = """PRAGMA journal_mode = WAL;
CREATE TABLE tokens (id INTEGER PRIMARY KEY, sha256 TEXT UNIQUE NOT NULL,
    user_id INTEGER, role TEXT NOT NULL, name TEXT NOT NULL,
    created_at TEXT NOT NULL, expires_at TEXT);
"""


def outline(value):
    """What two answers of different rows have in common."""
    if isinstance(value, list):
        return [outline(each) for each in value]
    return list(value)


def wrong_limit(case, server, port, n, want):
    """The limit programs choose their rows themselves, know one status."""
    if server.name == "bare":
        size = len(ask(port, "GET", "/")[1])
        return None if size == case.answer_bytes else size
    _status, got = ask_json(port, case, n)
    return None if outline(got) == outline(want) else got


def wrong(table, case, server, port, n):
    """What is wrong with the answer to one request, or null."""
    want = None if case.file_bytes else expected(case, table.base, n)
    if server.name in LIMIT:
        return wrong_limit(case, server, port, n, want)
    if case.file_bytes:
        status, body = ask(port, "GET", case.path)
        right = status == 200 and len(body) == case.file_bytes
        return None if right else f"{status}, {len(body)} bytes"
    status, got = ask_json(port, case, n)
    right = status == case.status and \
        without(got, case.volatile) == without(want, case.volatile)
    return None if right else f"{status} {got}\nexpected: {want}"


def verify(table, case, server, port):
    """No benchmark of an error page: the answer has to be the expected one."""
    for n in case.samples():
        fault = wrong(table, case, server, port, n)
        if fault:
            raise RuntimeError(f"{server.name}: {case.method} "
                               f"{case.filled(case.path, n)}: {fault}")


def measure_group(table, server, group, seconds, found):
    """Some cases of a server on one start of it. Returns its log."""
    with running(server, table.app, table.base, case=group[0]) as \
            (pid, port, log):
        for case in group:
            verify(table, case, server, port)
        for case in group:
            found[case.name, server.name].append(
                sample(pid, port, case, seconds))
    return log.read_text()


def measure_server(table, server, seconds, found):
    """One round of one server: its cases, writes last, on a fresh copy. The
    limit programs are one program a case."""
    wanted = table.servers[server.name]
    cases = [c for c in table.cases if wanted is None or c.name in wanted]
    if server.name not in LIMIT:
        measure_group(table, server, cases, seconds, found)
        return
    for case in cases:
        log = measure_group(table, server, [case], seconds, found)
        if server.name == "loop":
            turn = re.search(r"requests a turn: ([\d.]+)", log)[1]
            measure_alone(table, case, max(1, round(float(turn))), found)


def alone(table, case, turn, *flags):
    """µs of CPU time of the statements without a socket."""
    folder = WORK / "run" / "alone"
    folder.mkdir(parents=True, exist_ok=True)
    database = copy_database(table.base, folder)
    argv = ["taskset", "-c", SERVER_CPU, WORK / "sqlite", "-t", turn,
            "-n", ALONE_RUNS.get(case.name, ALONE_RUNS_ELSE), *flags,
            *limit_arguments(case, database)]
    out = subprocess.run([str(a) for a in argv], capture_output=True,
                         text=True, timeout=120, check=True).stdout
    return Sample(float(out), 0, 0)


def measure_alone(table, case, turn, found):
    """SQLite alone, as many runs a transaction as the loop had requests a
    turn: with the rows only read, and with the rows written as JSON."""
    found[case.name, "alone"].append(alone(table, case, turn, "-s"))
    shape = ["-a"] if case.many else []
    found[case.name, "alone+json"].append(alone(table, case, turn, *shape))


@dataclass
class Table:
    name: str
    title: str
    app: object
    base: object
    cases: list
    servers: dict  # name -> names of the cases that it serves, None for all
    measure: Callable  # (table, server, seconds, found): a round of a server


def measure_table(table, rounds, seconds):
    """{(case, server): [Sample]}, the servers taking turns."""
    found = defaultdict(list)
    for nth in range(1, rounds + 1):
        for name in table.servers:
            began = time.monotonic()
            table.measure(table, SERVERS[name], seconds, found)
            print(f"  {table.name}, round {nth} of {rounds}: {name}, "
                  f"{time.monotonic() - began:.0f} s", file=sys.stderr)
    return found


def measure_memory(app, base, servers):
    """{server: KiB of PSS} of a master and four idle workers."""
    found = {}
    for name in servers:
        with running(SERVERS[name], app, base, workers=4) as (pid, _p, _log):
            time.sleep(2)  # workers that start late
            found[name] = pss_kib(pid)
    return found


@functools.cache
def make_base(app):
    """The database with the demonstration rows: made by the server itself
    when it is built, else with the sqlite3 shell."""
    path = WORK / "base" / f"{app.name}.db"
    path.parent.mkdir(parents=True, exist_ok=True)
    for old in path.parent.glob(f"{path.name}*"):
        old.unlink()
    if not SERVERS["prong"].missing():
        first_start(app, path)
        return path
    parts = [*sorted((app / "schema").glob("*.sql")), app / "demo.sql"]
    script = TOKENS + "".join(part.read_text() for part in parts)
    subprocess.run(["sqlite3", "-bail", path], input=script, text=True,
                   check=True, stdout=subprocess.DEVNULL)
    return path


def present(servers, only, told=set()):
    """Those of the servers that can be measured here; names the others."""
    found = {}
    for name, cases in servers.items():
        missing = SERVERS[name].missing()
        if not missing and (not only or name in only):
            found[name] = cases
        elif missing and name not in told:
            print(f"bench: without {name}: no {missing[0]}", file=sys.stderr)
            told.add(name)
    return found


def with_sizes(cases, base):
    """The cases, each with the size of a usual answer."""
    for case in cases:
        answer = expected(case, base, case.samples()[-1])
        case.answer_bytes = case.file_bytes or len(json.dumps(
            answer, ensure_ascii=False, separators=(",", ":")).encode())
    return cases


def plain_table(only):
    app = WORK / "app"
    base = make_base(app)
    cases = with_sizes(plain_cases(), base)
    queries = tuple(c.name for c in cases if not c.fixed)
    return Table("plain", "One statement a request", app, base, cases, present({
        "bare": None, "loop": queries, "prong": None, "nginx": ("health",),
        "bun": None, "fastify": None, "flask": None}, only), measure_server)


def platform_table(only):
    app = WORK / "platform"
    base = make_base(app)
    cases = with_sizes(platform_cases(), base)
    queries = tuple(c.name for c in cases if not c.fixed)
    return Table("platform", "SoftFactory's own endpoints", app, base, cases,
                 present({"bare": None, "loop": queries, "prong": None,
                          "bun": None, "flask": None}, only), measure_server)


def static_table(only):
    app = WORK / "app"
    base = make_base(app)
    cases = with_sizes(static_cases(), base)
    # The bare loop cannot send a megabyte at once.
    return Table("static", "Static files", app, base, cases, present({
        "bare": ("1k.html", "10k.html"), "prong": None, "nginx": None}, only),
        measure_server)


def cache_table(only):
    app = WORK / "app"
    base = make_base(app)
    files = ("hit", "gzip", "304", "row")
    return Table("cache", "Answers from a cache", app, base, learn(app, base),
                 present({
                     "bare": None, "prong": None, "prong-unmonitored": None,
                     "nginx": files, "nginx-cache": None, "h2o": files,
                     "bun": None, "fastify": None, "flask": None}, only),
                 measure_hits)


TABLES = {"plain": plain_table, "platform": platform_table,
          "static": static_table, "cache": cache_table}


def measure_others(wanted, options, results):
    """What is no matter of cases by servers."""
    app = WORK / "app"
    if wanted("curve"):
        results.add_curve(measure_curve(options.rounds,
                                        options.seconds or SECONDS))
    if wanted("pairs"):
        results.add_pairs(measure_pairs(app, make_base(app), options.rounds,
                                        options.seconds or SECONDS))
    only = options.servers.split(",") if options.servers else None
    if wanted("writes"):
        add_writes(results, *measure_writes(
            app, make_base(app), lambda names: present(
                dict.fromkeys(names), only), options.rounds,
            options.seconds or WRITES_SECONDS))
    if wanted("memory"):
        servers = present(dict.fromkeys(("prong", "nginx", "flask")), only)
        results.add_memory(measure_memory(app, make_base(app), servers))


def seconds(text):
    """wrk knows whole seconds only."""
    return float(text) if "." in text else int(text)


def arguments():
    parser = argparse.ArgumentParser(prog="bench/run.sh")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument(
        "--seconds", type=seconds, help="of one timed run, after a warm-up; "
        f"{SECONDS} when unsaid, {WRITES_SECONDS} for writes, which alone may "
        "have less than 1")
    parser.add_argument("--tables", help="such as cache,curve; of " + ", ".join(
        (*TABLES, "curve", "pairs", "writes", "memory")))
    parser.add_argument("--servers", help="such as prong,bun,loop")
    return parser.parse_args()


def main():
    options = arguments()
    names = options.tables.split(",") if options.tables else None
    only = options.servers.split(",") if options.servers else None
    results = report.Results()

    def wanted(name):
        return names is None or name in names
    for name, build in TABLES.items():
        if wanted(name):
            table = build(only)
            results.add(table, measure_table(table, options.rounds,
                                             options.seconds or SECONDS))
    measure_others(wanted, options, results)
    whole = names is None and only is None and options.rounds >= 3
    results.save(ROOT / "bench/results" if whole else WORK, names or ())


if __name__ == "__main__":
    main()
