"""wrk, and what a server's processes spend while it runs."""
import re
import subprocess
from dataclasses import dataclass

from cases import ROOT
from servers import CLIENT_CPU, cpu_us

CONNECTIONS = 64
WARM_UP_SECONDS = 1


@dataclass
class Sample:
    us: float
    per_second: float
    p99_ms: float
    bytes: float = 0  # of an answer, head and body


def wrk(port, case, seconds, headers=()):
    argv = ["taskset", "-c", CLIENT_CPU, "wrk", "-t1", f"-c{CONNECTIONS}",
            f"-d{seconds}", "--timeout", "10s", "--latency",
            "-s", ROOT / "bench/lua" / case.script, f"http://127.0.0.1:{port}",
            "--", case.method, case.path, case.low, case.high, case.token,
            case.body, *headers]
    out = subprocess.run([str(a) for a in argv], capture_output=True,
                         text=True, timeout=seconds + 30, check=True).stdout
    for fault in ("Non-2xx", "Socket errors", " 0 requests in"):
        if fault in out:
            raise RuntimeError(f"{case.name}: wrk says:\n{out}")
    return out


def milliseconds(text):
    number, unit = re.match(r"([\d.]+)(us|ms|s|m)$", text).groups()
    return float(number) * {"us": 1e-3, "ms": 1, "s": 1e3, "m": 6e4}[unit]


def warm_up(port, case, headers=()):
    wrk(port, case, WARM_UP_SECONDS, headers)


def timed(pid, port, case, seconds, headers=()):
    before = cpu_us(pid)
    out = wrk(port, case, seconds, headers)
    spent = cpu_us(pid) - before
    requests, size, unit = re.search(
        r"(\d+) requests in .*?, ([\d.]+)([KMG]?)B read", out).groups()
    scale = 1 << {"": 0, "K": 10, "M": 20, "G": 30}[unit]
    return Sample(
        spent / int(requests),
        float(re.search(r"Requests/sec:\s+([\d.]+)", out)[1]),
        milliseconds(re.search(r"^ +99% +(\S+)", out, re.M)[1]),
        float(size) * scale / int(requests))


def sample(pid, port, case, seconds):
    warm_up(port, case)
    return timed(pid, port, case, seconds)
