"""What systemd does, as far as 113-systemd.sh needs it: makes the sockets,
starts the server with them, and listens to what it is told."""

from client import Connection, check, same
import os
import signal
import socket
import sys
import time

T = os.environ["T"]
PID_FILE = os.path.join(T, "pid")
NOTIFY = os.path.join(T, "notify")


def listen():
    s = socket.create_server(("127.0.0.1", 0))
    return s, s.getsockname()[1]


web, web_port = listen()
admin, admin_port = listen()
notify = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
notify.bind(NOTIFY)
log = []  # all that was told, in order


def start(command):
    pid = os.fork()
    if pid:
        return pid
    for fd, s in ((3, web), (4, admin)):
        os.dup2(s.fileno(), fd + 20)
    for fd in (3, 4):
        os.dup2(fd + 20, fd, inheritable=True)
    os.closerange(5, 64)
    with open(os.path.join(T, "log"), "ab") as out:
        os.dup2(out.fileno(), 1)
        os.dup2(out.fileno(), 2)
    os.environ.update({
        "LISTEN_PID": str(os.getpid()), "LISTEN_FDS": "2",
        "LISTEN_FDNAMES": "web:admin", "NOTIFY_SOCKET": NOTIFY,
        "WATCHDOG_PID": str(os.getpid()), "WATCHDOG_USEC": "100000",
    })
    os.execv(command[0], command)


def told(wanted, since=0):
    """Waits until a message since then holds the line; its index."""
    end = time.monotonic() + 10
    while True:
        for i in range(since, len(log)):
            if wanted in log[i]:
                return i
        notify.settimeout(max(end - time.monotonic(), 0.001))
        try:
            log.append(notify.recv(4096).decode().splitlines())
        except socket.timeout:
            sys.exit(f"FAILED: not told {wanted}, but {log}")


def status(port, path):
    with Connection(port) as c:
        return c.get(path).status


def serves():
    same(status(web_port, "/items/1"), 200, "the web socket")
    same(status(admin_port, "/api/cache/stats"), 200, "the admin socket")
    same(status(web_port, "/api/cache/stats"), 401, "the operators' page")


def wait_for_file(name):
    end = time.monotonic() + 10
    while not (os.path.exists(name) and os.path.getsize(name)):
        check(time.monotonic() < end, f"no {name}")
        time.sleep(0.02)
    with open(name, encoding="ascii") as f:
        return int(f.read())


def logged(text):
    with open(os.path.join(T, "log"), encoding="utf-8") as f:
        return text in f.read()


pid = start(sys.argv[1:])
same(log[told("READY=1")][1], f"MAINPID={pid}", "the main process")
check(any(line.startswith("STATUS=") and "worker" in line for line in log[-1]),
      f"no status: {log}")
serves()
told("WATCHDOG=1", told("WATCHDOG=1") + 1)

os.kill(pid, signal.SIGHUP)
again = told("READY=1", told("RELOADING=1"))
check(any(line.startswith("MONOTONIC_USEC=") for m in log for line in m),
      "when it began to reload is not told")
serves()

os.kill(pid, signal.SIGUSR2)
second = wait_for_file(PID_FILE + ".2")
end = time.monotonic() + 10
while not logged("Master.2 is ready"):
    check(time.monotonic() < end, "the new master is not ready")
    time.sleep(0.02)
serves()
os.kill(pid, signal.SIGTERM)
passed = told(f"MAINPID={second}", again + 1)
same(log[passed], [f"MAINPID={second}"], "the former master's last word")
ready = told("READY=1", passed)
check(f"MAINPID={second}" in log[ready], f"another main process: {log}")
same(os.waitpid(pid, 0)[1], 0, "the former master's end")
check(not any("STOPPING=1" in m for m in log), f"a stop: {log}")
told("WATCHDOG=1", ready + 1)
serves()

os.kill(second, signal.SIGHUP)
told("READY=1", told("RELOADING=1", ready + 1))
serves()
os.kill(second, signal.SIGTERM)
told("STOPPING=1", ready + 1)
while os.path.exists(PID_FILE):  # removed at its very end
    time.sleep(0.02)
