"""The load of 35-reload.sh: 64 busy and 64 idle connections, three reloads."""

from client import Closed, Connection, check, same
import json
import os
import signal
import sys
import threading
import time

API = os.path.join(os.environ["T"], "app/api/version.sql")
BUSY, IDLE, RELOADS = 64, 0 if "no-idle" in sys.argv else 64, 3
failures = []
answered = []  # one entry an answer, by whichever thread
done = threading.Event()


def reload(number):
    with open(API, "w", encoding="ascii") as out:
        out.write(f"-- GET /version\n-- @one\nSELECT {number} AS version;\n")
    os.kill(int(os.environ["PID"]), signal.SIGHUP)


def busy():
    """Asks on and on; opens a new connection only when told to close."""
    c, answers = Connection(), 0
    while not done.is_set():
        try:
            answer = c.get("/items/1")
        except (OSError, Closed) as e:
            failures.append(f"busy, after {answers} answers: {e!r}")
            return
        if answer.status != 200:
            failures.append(f"busy: {answer}")
        answers += 1
        answered.append(1)
        if answer.headers.get("connection") == "close":
            c.close()
            c, answers = Connection(), 0
    c.close()


def version_is(number):
    with Connection() as c:
        answer = c.get("/version")
    return answer.status == 200 and json.loads(answer.body)["version"] == number


def reload_beside_idle(number):
    """Idle connections stay open for one more request while workers drain."""
    idle = [Connection() for _ in range(IDLE)]
    for c in idle:
        same(c.get("/items/2").status, 200, "before the reload")
    reload(number)
    for c in idle:
        try:
            same(c.get("/items/2").status, 200, "an idle connection")
        except (OSError, Closed) as e:
            failures.append(f"idle: {e!r}")
        c.close()


threads = [threading.Thread(target=busy, daemon=True) for _ in range(BUSY)]
for t in threads:
    t.start()
for number in range(1, RELOADS + 1):
    reload_beside_idle(number)
    end = time.monotonic() + 20
    while not all(version_is(number) for _ in range(8)):
        check(time.monotonic() < end, f"reload {number} never came")
        time.sleep(0.05)
done.set()
for t in threads:
    t.join()
check(len(answered) > 1000, f"only {len(answered)} answers: no load")
print(len(answered), "answers under load")
print(*failures[:10], sep="\n")
sys.exit(1 if failures else 0)
