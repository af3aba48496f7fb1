"""The load of 110-upgrade.sh: reads on connections that stay, reads on new
ones, and writes, until $T/done is there. Not one may fail."""

from client import Closed, Connection, check
import json
import os
import sys
import threading
import time

KEPT, SHORT, WRITERS = 6, 4, 2
done = threading.Event()
failures = []
answers = {"kept": 0, "short": 0, "written": 0}
lock = threading.Lock()


def ask(c, kind, number):
    if kind == "written":
        name = f"upgrade {threading.get_ident()} {number}"
        body = json.dumps({"name": name}).encode()
        c.ask("POST", "/items", ["Content-Type: application/json"], body)
        return c.read(), 201
    return c.get("/chart" if number % 2 else "/items/1"), 200


def load(kind):
    """A connection is given up when it is told to close, or after one answer."""
    c, number = None, 0
    while not done.is_set():
        number += 1
        try:
            c = c or Connection()
            answer, wanted = ask(c, kind, number)
        except (OSError, Closed) as e:
            failures.append(f"{kind} {number}: {e!r}")
            return
        if answer.status != wanted:
            failures.append(f"{kind} {number}: {answer}")
        if kind == "short" or answer.headers.get("connection") == "close":
            c.close()
            c = None
        if kind != "kept":
            time.sleep(0.001)
        with lock:
            answers[kind] += 1


kinds = ["kept"] * KEPT + ["short"] * SHORT + ["written"] * WRITERS
threads = [threading.Thread(target=load, args=(k,), daemon=True) for k in kinds]
for t in threads:
    t.start()
end = time.monotonic() + 60
while not os.path.exists(os.path.join(os.environ["T"], "done")):
    check(time.monotonic() < end, "nobody said that it is done")
    time.sleep(0.02)
done.set()
for t in threads:
    t.join()
with Connection() as last:
    listed = 0
    while True:
        rows = json.loads(
            last.get(f"/items?offset={listed}&limit=100&fields=name").body)
        answers["found"] = answers.get("found", 0) + sum(
            r["name"].startswith("upgrade ") for r in rows)
        listed += len(rows)
        if len(rows) < 100:
            break
print(answers)
check(not failures, failures[:3])
check(min(answers.values()) > 50, "no load")
check(answers["found"] == answers["written"], "what was acknowledged is lost")
sys.exit(0)
