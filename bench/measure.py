"""Measures every case on every server and prints the tables; bench/run.sh
calls it when everything is built. See bench/README.md."""
import argparse
import re
import statistics
import subprocess
import sys
import time
from collections import defaultdict
from dataclasses import dataclass

import report
from cases import BENCH_APP, ROOT, WORK, expected, plain_cases, static_cases, \
    platform_cases, without
from servers import CLIENT_CPU, SERVER_CPU, SERVERS, ask, ask_json, \
    copy_database, cpu_us, limit_arguments, pss_kib, running

CONNECTIONS = 64
WARM_UP_SECONDS = 1
# So many runs of a case take about half a second without a socket.
ALONE_RUNS = {"read": 200000, "join": 20000, "list": 20000, "insert": 20000}


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
        milliseconds(re.search(r"99%\s+(\S+)", out)[1]))


def wrong(table, case, server, port, n):
    """What is wrong with the answer to one request, or null."""
    if case.file_bytes:
        status, body = ask(port, "GET", case.path)
        size = len(body)
        return None if (status, size) == (200, case.file_bytes) or \
            server.name == "loop" else f"{status}, {size} bytes"
    status, got = ask_json(port, case, n)
    want = expected(case, table.base, n)
    if server.name == "loop":  # it chooses the row, and knows one status
        same = type(got) is type(want) and case.status in (status, 201)
    else:
        same = status == case.status and \
            without(got, case.volatile) == without(want, case.volatile)
    return None if same else f"{status} {got}\nexpected: {want}"


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
    """One round of one server: its cases, writes last, on a fresh copy."""
    wanted = table.servers[server.name]
    cases = [c for c in table.cases if wanted is None or c.name in wanted]
    if server.name != "loop":
        measure_group(table, server, cases, seconds, found)
        return
    for case in cases:
        log = measure_group(table, server, [case], seconds, found)
        turn = re.search(r"requests a turn: ([\d.]+)", log)[1]
        if not case.fixed:
            measure_alone(table, case, max(1, round(float(turn))), found)


def alone(table, case, turn, *flags):
    """µs of CPU time of the statements without a socket."""
    folder = WORK / "run" / "alone"
    folder.mkdir(parents=True, exist_ok=True)
    database = copy_database(table.base, folder)
    argv = ["taskset", "-c", SERVER_CPU, WORK / "sqlite", "-t", turn,
            "-n", ALONE_RUNS[case.name], *flags,
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


def medians(found):
    return {
        key: Sample(*(statistics.median(getattr(s, field) for s in samples)
                      for field in ("us", "per_second", "p99_ms")))
        for key, samples in found.items()}


def measure_memory(app, base, servers):
    """{server: (KiB, processes' count)} of a master and four idle workers."""
    found = {}
    for name in servers:
        with running(SERVERS[name], app, base, workers=4) as (pid, _p, _log):
            time.sleep(2)
            found[name] = pss_kib(pid)
    return found
