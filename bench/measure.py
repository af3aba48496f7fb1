"""Measures every case on every server and prints the tables; bench/run.sh
calls it when everything is built. See bench/README.md."""
import argparse
import json
import re
import subprocess
import sys
import time
from collections import defaultdict
from dataclasses import dataclass

import report
from cases import ROOT, WORK, expected, plain_cases, platform_cases, \
    static_cases, without
from servers import CLIENT_CPU, SERVER_CPU, SERVERS, ask, ask_json, \
    copy_database, cpu_us, first_start, limit_arguments, pss_kib, running

LIMIT = ("bare", "loop")
CONNECTIONS = 64
WARM_UP_SECONDS = 1
# Without a socket; writes as many as a timed run makes, since each makes the
# next one dearer.
ALONE_RUNS = {"read": 200000, "insert": 50000, "booking": 30000}
ALONE_RUNS_ELSE = 10000


TOKENS = """PRAGMA journal_mode = WAL;
CREATE TABLE tokens (id INTEGER PRIMARY KEY, sha256 TEXT UNIQUE NOT NULL,
    user_id INTEGER, role TEXT NOT NULL, name TEXT NOT NULL,
    created_at TEXT NOT NULL, expires_at TEXT);
"""


@dataclass
class Table:
    name: str
    title: str
    app: object
    base: object
    cases: list
    servers: dict  # name -> names of the cases that it serves, None for all


@dataclass
class Sample:
    us: float
    per_second: float
    p99_ms: float


def wrk(port, case, seconds):
    argv = ["taskset", "-c", CLIENT_CPU, "wrk", "-t1", f"-c{CONNECTIONS}",
            f"-d{seconds}", "--timeout", "10s", "--latency",
            "-s", ROOT / "bench/lua/requests.lua", f"http://127.0.0.1:{port}",
            "--", case.method, case.path, case.low, case.high, case.token]
    if case.body:
        argv.append(case.body)
    out = subprocess.run([str(a) for a in argv], capture_output=True,
                         text=True, timeout=seconds + 30, check=True).stdout
    for fault in ("Non-2xx", "Socket errors"):
        if fault in out:
            raise RuntimeError(f"{case.name}: wrk says:\n{out}")
    return out


def milliseconds(text):
    number, unit = re.match(r"([\d.]+)(us|ms|s|m)$", text).groups()
    return float(number) * {"us": 1e-3, "ms": 1, "s": 1e3, "m": 6e4}[unit]


def sample(pid, port, case, seconds):
    wrk(port, case, WARM_UP_SECONDS)
    before = cpu_us(pid)
    out = wrk(port, case, seconds)
    spent = cpu_us(pid) - before
    return Sample(
        spent / int(re.search(r"(\d+) requests in", out)[1]),
        float(re.search(r"Requests/sec:\s+([\d.]+)", out)[1]),
        milliseconds(re.search(r"^ +99% +(\S+)", out, re.M)[1]))


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


def measure_table(table, rounds, seconds):
    """{(case, server): [Sample]}, the servers taking turns."""
    found = defaultdict(list)
    for nth in range(1, rounds + 1):
        for name in table.servers:
            began = time.monotonic()
            measure_server(table, SERVERS[name], seconds, found)
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


def tables(only):
    app, platform = WORK / "app", ROOT / "etc" / "softfactory"
    base, platform_base = make_base(app), make_base(platform)
    plain = with_sizes(plain_cases(), base)
    own = with_sizes(platform_cases(), platform_base)
    files = with_sizes(static_cases(), base)
    queries = [tuple(c.name for c in cases if not c.fixed)
               for cases in (plain, own)]
    return [
        Table("plain", "One statement a request", app, base, plain, present({
            "bare": None, "loop": queries[0], "prong": None,
            "nginx": ("health",), "bun": None, "fastify": None,
            "flask": None}, only)),
        Table("platform", "SoftFactory's own endpoints", platform,
              platform_base, own, present({
                  "bare": None, "loop": queries[1], "prong": None,
                  "bun": None, "flask": None}, only)),
        # The bare loop cannot send a megabyte at once.
        Table("static", "Static files", app, base, files, present({
            "bare": ("1k.html", "10k.html"), "prong": None, "nginx": None},
            only)),
    ]


def arguments():
    parser = argparse.ArgumentParser(prog="bench/run.sh")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=int, default=4,
                        help="of one timed run; a warm-up of 1 s precedes it")
    parser.add_argument("--tables", help="such as plain,static,memory")
    parser.add_argument("--servers", help="such as prong,bun,loop")
    return parser.parse_args()


def main():
    options = arguments()
    names = options.tables.split(",") if options.tables else None
    only = options.servers.split(",") if options.servers else None
    results = report.Results()
    for table in tables(only):
        if names is None or table.name in names:
            found = measure_table(table, options.rounds, options.seconds)
            results.add(table, found)
    if names is None or "memory" in names:
        servers = present(dict.fromkeys(("prong", "nginx", "flask")), only)
        app = WORK / "app"
        results.add_memory(measure_memory(app, make_base(app), servers))
    whole = names is None and only is None and options.rounds >= 3
    results.save(ROOT / "bench/results" if whole else WORK)


if __name__ == "__main__":
    main()
