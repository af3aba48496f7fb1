"""Who is asked: each Server knows how to start itself on a port, over a copy
of a database, and is watched as a tree of processes."""
import contextlib
import http.client
import json
import os
import pathlib
import re
import shutil
import signal
import socket
import subprocess
import time
import urllib.error
import urllib.request
from dataclasses import dataclass
from typing import Callable

from cases import ROOT, WORK

SERVER_CPU, CLIENT_CPU = "0", "1"
START_SECONDS = 20
PEERS = ROOT / "bench" / "peers"
NPM = WORK / "npm" / "node_modules"
PRONG = pathlib.Path(os.environ.get("PRONG", ROOT / "build" / "prong"))
PYTHON = "/usr/bin/python3"  # Debian's: it has Debian's Flask
NGINX = pathlib.Path(shutil.which("nginx") or "/usr/sbin/nginx")
H2O = pathlib.Path("/usr/bin/h2o")
NORMAL = ("--durability", "normal")  # as synchronous=NORMAL is with the others
ANSWERS = WORK / "answers"  # what is asked of the cache, as files


@dataclass
class Server:
    name: str
    command: Callable  # (port, database, app, workers, case) -> argv
    env: Callable = lambda database: {}
    needs: tuple = ()   # files without which it cannot be measured

    def missing(self):
        return [str(path) for path in self.needs if not path.exists()]


def prong(*flags):
    def command(port, database, app, workers, _case):
        return [PRONG, "-w", workers, "-b", f"127.0.0.1:{port}",
                "--log-level", "warning", "--database", database, *flags, app]
    return command


def configuration(peer, name, port, app, workers):
    """The path of a peer's configuration, with what stands in @s."""
    run = WORK / "run" / name
    text = (PEERS / f"{peer}.conf").read_text()
    for word, value in (("WORKERS", workers), ("PORT", port), ("RUN", run),
                        ("WEB", app / "web"), ("ANSWERS", ANSWERS)):
        text = text.replace(f"@{word}@", str(value))
    if os.geteuid() != 0:
        text = re.sub(r"^user\b.*\n", "", text, flags=re.M)
    path = run / f"{peer}.conf"
    path.write_text(text)
    return path


def nginx(name):
    def command(port, _database, app, workers, _case):
        path = configuration(name, name, port, app, workers)
        (path.parent / "backend").unlink(missing_ok=True)
        shutil.rmtree(path.parent / "kept", ignore_errors=True)
        return [NGINX, "-e", "stderr", "-p", path.parent, "-c", path]
    return command


def h2o(port, _database, app, workers, _case):
    return [H2O, "-c", configuration("h2o", "h2o", port, app, workers)]


def flask(port, _database, _app, workers, _case):
    return [PYTHON, "-B", "-m", "gunicorn", "-w", workers,
            "-b", f"127.0.0.1:{port}", "--log-level", "warning",
            "--chdir", PEERS, "flask_app:app"]


def bun(port, database, app, _workers, _case):
    return [NPM / ".bin" / "bun", PEERS / "bun.js", port, database, app]


def fastify(port, database, app, _workers, _case):
    return ["node", PEERS / "fastify.js", port, database, app]


def limit_arguments(case, database):
    """What bench/limit/sqlite takes to run a case."""
    return [*case.limit_bindings(), database, *case.limit_statements()]


def bare(port, _database, _app, _workers, case):
    return [WORK / "bare", port, case.answer_bytes, case.head_bytes]


def loop(port, database, _app, _workers, case):
    shape = ["-a"] if case.many else []
    return ([WORK / "sqlite", "-p", port] + shape +
            limit_arguments(case, database))


def naive(synchronous):
    def command(port, database, _app, workers, case):
        return [WORK / "naive", "-w", workers, "-p", port, "-y", synchronous,
                *limit_arguments(case, database)]
    return command


def node_env(synchronous="NORMAL"):
    env = {"NODE_PATH": str(NPM), "NODE_ENV": "production",
           "SYNCHRONOUS": synchronous}
    return lambda _database: env


BUN = (NPM / ".bin" / "bun",)
FASTIFY = (NPM / "fastify", NPM / "better-sqlite3/build/Release")


SERVERS = {server.name: server for server in (
    Server("bare", bare, needs=(WORK / "bare",)),
    Server("loop", loop, needs=(WORK / "sqlite",)),
    Server("prong", prong(*NORMAL), needs=(PRONG,)),
    Server("prong-unmonitored", prong(*NORMAL, "--monitoring", "off"),
           needs=(PRONG,)),
    Server("prong-normal", prong(*NORMAL), needs=(PRONG,)),
    Server("prong-full", prong("--durability", "full"), needs=(PRONG,)),
    Server("prong-checkpoints", prong("--durability", "full",
                                      "--wal-autocheckpoint", "100"),
           needs=(PRONG,)),
    Server("naive", naive("FULL"), needs=(WORK / "naive",)),
    Server("naive-normal", naive("NORMAL"), needs=(WORK / "naive",)),
    Server("nginx", nginx("nginx"), needs=(NGINX,)),
    Server("nginx-cache", nginx("nginx-cache"), needs=(NGINX,)),
    Server("h2o", h2o, needs=(H2O,)),
    Server("bun", bun, node_env(), BUN),
    Server("bun-normal", bun, node_env(), BUN),
    Server("bun-full", bun, node_env("FULL"), BUN),
    Server("fastify", fastify, node_env(), FASTIFY),
    Server("fastify-normal", fastify, node_env(), FASTIFY),
    Server("fastify-full", fastify, node_env("FULL"), FASTIFY),
    Server("flask", flask, lambda database: {"BENCH_DATABASE": str(database)}),
)}


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def wait_for(process, port, log):
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        with contextlib.suppress(OSError):
            with socket.create_connection(("127.0.0.1", port), 1) as client:
                client.sendall(b"GET /api/health HTTP/1.1\r\nHost: bench\r\n"
                               b"Connection: close\r\n\r\n")
                if client.recv(1):
                    return
        time.sleep(0.02)
    raise RuntimeError(f"did not answer: {log.read_text()[-600:]}")


def stop(process):
    if process.poll() is None:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)  # its own session
            process.wait()


def copy_database(base, folder):
    for old in folder.glob("bench.db*"):
        old.unlink()
    shutil.copy(base, folder / "bench.db")
    return folder / "bench.db"


@contextlib.contextmanager
def running(server, app, base, workers=1, case=None):
    """Yields (pid, port, log) of a server that answers."""
    folder = WORK / "run" / server.name
    folder.mkdir(parents=True, exist_ok=True)
    database = copy_database(base, folder)
    log = folder / "log"
    port = free_port()
    argv = server.command(port, database, app, workers, case)
    with open(log, "w") as out:
        process = subprocess.Popen(
            ["taskset", "-c", SERVER_CPU, *map(str, argv)], stdout=out,
            stderr=out, start_new_session=True, cwd=folder,
            env={**os.environ, **server.env(database)})
    try:
        wait_for(process, port, log)
        yield process.pid, port, log
    finally:
        stop(process)


def first_start(app, database):
    """Lets Prong make a database: schema and demonstration rows."""
    port, log = free_port(), WORK / "run" / "first_start.log"
    log.parent.mkdir(parents=True, exist_ok=True)
    argv = prong("--demo")(port, database, app, 1, None)
    with open(log, "w") as out:
        process = subprocess.Popen(list(map(str, argv)), stdout=out,
                                   stderr=out, start_new_session=True)
    try:
        wait_for(process, port, log)
    finally:
        stop(process)


def tree(root):
    """[(pid, CPU ticks)] of a process and all below it."""
    parents, ticks = {}, {}
    for entry in os.listdir("/proc"):
        if not entry.isdigit():
            continue
        try:
            with open(f"/proc/{entry}/stat") as file:
                fields = file.read().rpartition(")")[2].split()
        except OSError:
            continue
        parents[int(entry)] = int(fields[1])
        # utime, stime, and those of children that it has reaped
        ticks[int(entry)] = sum(map(int, fields[11:15]))
    found = [root]
    for pid in found:  # grows while it is read
        found += [child for child, up in parents.items() if up == pid]
    return [(pid, ticks[pid]) for pid in found if pid in ticks]


def cpu_us(root):
    tick = 1e6 / os.sysconf("SC_CLK_TCK")
    return sum(ticks for _pid, ticks in tree(root)) * tick


def pss_kib(root):
    total = 0
    for pid, _ticks in tree(root):
        with open(f"/proc/{pid}/smaps_rollup") as file:
            total += next(int(line.split()[1]) for line in file
                          if line.startswith("Pss:"))
    return total


def ask(port, method, path, body="", token=""):
    """(status, body) of one request."""
    headers = {}
    if token:
        headers["Authorization"] = f"Bearer {token}"
    if body:
        headers["Content-Type"] = "application/json"
    request = urllib.request.Request(
        f"http://127.0.0.1:{port}{path}", body.encode() or None, headers,
        method=method)
    try:
        with urllib.request.urlopen(request, timeout=10) as answer:
            return answer.status, answer.read()
    except urllib.error.HTTPError as error:
        return error.code, error.read()


@dataclass
class Answer:
    status: int
    headers: object  # http.client.HTTPMessage
    body: bytes
    head_bytes: int

    @property
    def bytes(self):
        return self.head_bytes + len(self.body)


def ask_plainly(port, path, headers):
    """The Answer to a GET with these header fields and Host: what wrk says,
    while urllib adds some of its own."""
    client = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    client.putrequest("GET", path, skip_accept_encoding=True)
    for name, value in headers.items():
        client.putheader(name, value)
    client.endheaders()
    got = client.getresponse()
    head = len(f"HTTP/1.1 {got.status} {got.reason}\r\n\r\n") + sum(
        len(f"{name}: {value}\r\n") for name, value in got.headers.items())
    answer = Answer(got.status, got.headers, got.read(), head)
    client.close()
    return answer


def ask_json(port, case, n):
    status, body = ask(port, case.method, case.filled(case.path, n),
                       case.filled(case.body, n), case.token)
    try:
        return status, json.loads(body)
    except ValueError:
        return status, body[:300]
