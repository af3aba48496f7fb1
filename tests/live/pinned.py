"""Connections to a worker of one's choice. Which one takes a connection is the
kernel's affair; so all others stand still meanwhile, and the master, who would
put somebody else in their place when it takes long."""

from client import Connection, check, same
import contextlib
import os
import signal
import subprocess
import time


def workers():
    """The workers' process ids, oldest first."""
    got = subprocess.run(["pgrep", "-f", "-P", os.environ["PID"],
                          "^prong: worker"], stdout=subprocess.PIPE,
                         check=False)
    return [int(pid) for pid in got.stdout.split()]


def is_stopped(pid):
    with open(f"/proc/{pid}/stat", encoding="ascii", errors="replace") as f:
        return f.read().rpartition(")")[2].split()[0] == "T"


@contextlib.contextmanager
def only(worker):
    """No other worker moves, and the master sees nothing of it."""
    others = [w for w in workers() if w != worker]
    master = int(os.environ["PID"])
    end = time.monotonic() + 10
    try:
        for w in [master] + others:
            os.kill(w, signal.SIGSTOP)
            while not is_stopped(w):
                check(time.monotonic() < end, "it does not stop")
                time.sleep(0.001)
        yield
    finally:
        for w in others + [master]:
            os.kill(w, signal.SIGCONT)


def connections(worker, count, path):
    """So many to that worker; each has asked for the path once."""
    with only(worker):
        made = [Connection() for _ in range(count)]
        for c in made:
            same(c.get(path).status, 200, f"GET {path}")
    return made
