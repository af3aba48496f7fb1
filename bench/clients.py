"""Clients on given connections (client/clients.c), and how to have equally
many connections with each worker of a server."""
import contextlib
import json
import os
import socket
import subprocess
from dataclasses import dataclass, field

from cases import WORK
from servers import CLIENT_CPU, tree

TRIES = 30  # until each worker has its share of the connections
HELLO = b"GET /api/health HTTP/1.1\r\nHost: bench\r\n\r\n"


# ---- connections -------------------------------------------------------------


def say_hello(client):
    """Once it is answered, somebody has accepted the connection."""
    client.sendall(HELLO)
    if not client.recv(4096).startswith(b"HTTP/1.1 200"):
        raise RuntimeError("a connection without an answer")


def inodes(port):
    """{the client's port: the socket of the server that it talks to}"""
    local = f"0100007F:{port:04X}"
    with open("/proc/net/tcp") as file:
        rows = [line.split() for line in file][1:]
    return {int(row[2].split(":")[1], 16): f"socket:[{row[9]}]"
            for row in rows if row[1] == local and row[9] != "0"}


def holders(pids):
    """{socket: the process that has it}; the listener aside, one has each."""
    found = {}
    for pid in pids:
        with contextlib.suppress(OSError):
            for fd in os.listdir(f"/proc/{pid}/fd"):
                with contextlib.suppress(OSError):
                    found[os.readlink(f"/proc/{pid}/fd/{fd}")] = pid
    return found


def owners(root, port, clients):
    """Of each connection, the process that serves it."""
    sockets = inodes(port)
    pids = holders([pid for pid, _ticks in tree(root)])
    return [pids[sockets[client.getsockname()[1]]] for client in clients]


def connect(port, count):
    clients = [socket.create_connection(("127.0.0.1", port), 20)
               for _ in range(count)]
    for client in clients:
        say_hello(client)
    return clients


@dataclass
class Spread:
    """Connections, each with the process at its other end."""
    clients: list = field(default_factory=list)
    pids: list = field(default_factory=list)

    def has(self, pid):
        return self.pids.count(pid)

    def take(self, client, pid, most):
        if self.has(pid) < most:
            self.clients.append(client)
            self.pids.append(pid)
        else:
            client.close()

    def close(self):
        for client in self.clients:
            client.close()


def spread(root, port, count, workers):
    """`count` connections, no worker with two more than another."""
    found = Spread()
    for _ in range(TRIES):
        lacking = count - len(found.clients)
        if lacking == 0:
            return found
        new = connect(port, max(lacking, workers))
        for client, pid in zip(new, owners(root, port, new)):
            full = len(found.clients) == count
            # One more than the least: those who have none are unknown.
            least = len(found.clients) // workers
            found.take(client, pid, 0 if full else least + 1)
    raise RuntimeError(f"{count} connections lie unevenly: {found.pids}")


@contextlib.contextmanager
def connected(root, port, count, workers):
    found = spread(root, port, count, workers)
    try:
        yield found
    finally:
        found.close()


# ---- a run -------------------------------------------------------------------


@dataclass
class Tally:
    """What a crowd of clients saw."""
    good: int          # answers in all that are a success
    per_second: float  # of them, within the time
    p50_ms: float
    p99_ms: float
    worst_ms: float
    errors: int        # all others, and those that are lost
    lost: int          # requests whose answer did not come
    counts: list       # good ones of each client

    @classmethod
    def of(cls, said, seconds):
        good = sum(said["counts"])
        bad = sum(said["answers"].values()) - good
        lost = said["gone"] + said["unanswered"]
        return cls(good, said["in_time"] / seconds, said["p50_us"] / 1e3,
                   said["p99_us"] / 1e3, said["max_us"] / 1e3,
                   bad + lost, lost, said["counts"])


class Crowd:
    """Begins at once; `rate` requests a second are due, or 0: each client
    asks as soon as it is answered."""

    def __init__(self, clients, case, seconds, rate=0):
        fds = [client.fileno() for client in clients]
        argv = ["taskset", "-c", CLIENT_CPU, WORK / "clients", "-s", seconds,
                "-r", rate, "-m", case.method, "-b", case.body, "-l", case.low,
                "-h", case.high, case.path, *fds]
        self.seconds = seconds
        self.process = subprocess.Popen([str(a) for a in argv], pass_fds=fds,
                                        stdout=subprocess.PIPE, text=True)

    def tally(self):
        """Waits for its end."""
        out, _ = self.process.communicate(timeout=self.seconds + 40)
        if self.process.returncode != 0:
            raise RuntimeError(f"clients ended with {self.process.returncode}")
        return Tally.of(json.loads(out), self.seconds)


def ask_all(clients, case, seconds, rate=0):
    return Crowd(clients, case, seconds, rate).tally()
