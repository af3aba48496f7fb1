"""A server on trial: prong with the app small/ in a folder of its own, its
processes, its operators' page, and guests beside it."""
import contextlib
import http.client
import json
import os
import pathlib
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time

HERE = pathlib.Path(__file__).resolve().parent
PRONG = pathlib.Path(os.environ.get("PRONG", HERE.parent / "build" / "prong"))
START_SECONDS = 20
PROC = pathlib.Path("/proc")


class Trouble(Exception):
    """What ends the run, and is a failure of it."""


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def wait_for(what, fn, seconds=START_SECONDS, pause=0.01):
    """What fn returns, once that is true."""
    end = time.monotonic() + seconds
    while True:
        with contextlib.suppress(OSError, http.client.HTTPException,
                                 ValueError, KeyError):
            found = fn()
            if found:
                return found
        if time.monotonic() > end:
            raise Trouble(f"waited {seconds} s for {what}")
        time.sleep(pause)


def alive(pid):
    with contextlib.suppress(OSError):
        return "\nState:\tZ" not in (PROC / str(pid) / "status").read_text()
    return False


class Server:
    def __init__(self, workers, *flags):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="prong-trial-"))
        self.port, self.admin = free_port(), free_port()
        self.app = self.folder / "app"
        self.database = self.app / "small.db"
        self.log = self.folder / "log"
        self.pidfile = self.folder / "pid"
        self.page = None  # a connection to the operators' listener
        shutil.copytree(HERE / "small", self.app)
        (self.app / "web" / "large.txt").write_text("large\n" * 350000)
        argv = [PRONG, "-w", workers, "-b", f"127.0.0.1:{self.port}",
                "--admin-bind", f"127.0.0.1:{self.admin}", "-p", self.pidfile,
                "--error-logfile", self.log, "--keep-alive", "10", *flags,
                self.app]
        with open(self.folder / "out", "wb") as out:
            self.process = subprocess.Popen(
                [str(a) for a in argv], cwd=self.folder, stdout=out,
                stderr=out, start_new_session=True)
        self.master = self.process.pid

    def __enter__(self):
        try:
            self.wait_ready()
        except Trouble:
            self.__exit__(*sys.exc_info())
            raise
        return self

    def __exit__(self, kind, *_):
        """Ends what it started: all of it is in one session."""
        self.hang_up()  # or it waits for us as long as keep-alive says
        with contextlib.suppress(OSError):
            os.kill(self.master, signal.SIGTERM)
        with contextlib.suppress(Trouble):
            wait_for("the end", lambda: not self.others(), 15)
        for pid in self.others():
            with contextlib.suppress(OSError):
                os.kill(pid, signal.SIGKILL)
        self.process.wait(15)
        if kind:
            print("---- the server's log", self.tail(), sep="\n")
        shutil.rmtree(self.folder, ignore_errors=True)

    def wait_ready(self):
        def ready():
            if self.process.poll() is not None:
                raise Trouble("the server ended: "
                              + (self.folder / "out").read_text())
            return self.ready_workers()
        wait_for("the first worker", ready)

    def tail(self, lines=40):
        with contextlib.suppress(OSError):
            return "\n".join(self.log.read_text(errors="replace")
                             .splitlines()[-lines:])
        return ""

    # ---- processes ----------------------------------------------------------

    def others(self):
        """All processes of its session that are alive."""
        found = []
        for entry in PROC.iterdir():
            if entry.name.isdigit() and alive(entry.name):
                with contextlib.suppress(OSError):
                    rest = (entry / "stat").read_text().rpartition(")")[2]
                    if int(rest.split()[3]) == self.process.pid:
                        found.append(int(entry.name))
        return found

    def client_ports(self, pid):
        """Of the connections that this process holds, the clients' ports."""
        sockets = set()
        for fd in (PROC / str(pid) / "fd").iterdir():
            with contextlib.suppress(OSError):
                sockets.add(os.readlink(fd))
        local = f"0100007F:{self.port:04X}"
        rows = [line.split() for line in
                (PROC / "net" / "tcp").read_text().splitlines()[1:]]
        return {int(row[2].split(":")[1], 16) for row in rows
                if row[1] == local and f"socket:[{row[9]}]" in sockets}

    # ---- what operators see -------------------------------------------------

    def get(self, path):
        """Of the operators' listener; once more when its worker is gone."""
        for last in (False, True):
            try:
                if self.page is None:
                    self.page = http.client.HTTPConnection(
                        "127.0.0.1", self.admin, timeout=2)
                self.page.request("GET", path)
                return json.loads(self.page.getresponse().read())
            except (OSError, http.client.HTTPException):
                self.hang_up()
                if last:
                    raise
        return None

    def hang_up(self):
        if self.page:
            self.page.close()
            self.page = None

    def ready_workers(self):
        """Their process ids."""
        return {w["pid"] for w in self.get("/api/monitoring/metrics")["workers"]
                if w["ready"]}

    def signal(self, number):
        os.kill(self.master, number)

    def ctl(self, *words):
        """(exit code, what it said)"""
        done = subprocess.run([str(PRONG), "ctl", str(self.app), *words],
                              capture_output=True, text=True, timeout=20,
                              check=False)
        return done.returncode, done.stdout + done.stderr


class Guests:
    """guest.py beside the server, in a process of its own."""

    def __init__(self, port, *options):
        self.process = subprocess.Popen(
            [sys.executable, "-B", str(HERE / "guest.py"), str(port),
             *map(str, options)], stdout=subprocess.PIPE, text=True)
        if self.process.stdout.readline() != "{}\n":
            raise Trouble("the guests did not come")

    def leave(self):
        """Their report."""
        self.process.terminate()
        out, _ = self.process.communicate(timeout=60)
        if self.process.returncode != 0:
            raise Trouble(f"the guests ended with {self.process.returncode}")
        return json.loads(out)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
