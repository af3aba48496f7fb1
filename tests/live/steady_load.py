"""Clients who must not notice what an operator does: steady_load.py PATH.

Eight connections that are kept alive as long as the server lets them, and two
clients who come anew each time, until $T/enough appears; $T/begun does when the
first answer has come. Each has to be 200. Prints how many there were and the longest wait.
"""

import os
import sys
import threading
import time

from client import Closed, Connection, check

PATH = sys.argv[1]
ENOUGH = os.path.join(os.environ["T"], "enough")
BEGUN = os.path.join(os.environ["T"], "begun")
failures, waits = [], []


def ask(c):
    began = time.monotonic()
    answer = c.get(PATH)
    if not waits:
        open(BEGUN, "w", encoding="ascii").close()
    waits.append(time.monotonic() - began)
    if answer.status != 200:
        failures.append(repr(answer))
    return answer.headers.get("connection") != "close"


def stay():
    c = Connection()
    while not os.path.exists(ENOUGH):
        if not ask(c):
            c.close()
            c = Connection()


def come_and_go():
    while not os.path.exists(ENOUGH):
        with Connection() as c:
            ask(c)


def watched(client):
    try:
        client()
    except (OSError, Closed) as e:
        failures.append(f"{client.__name__}: {e!r}")


threads = [threading.Thread(target=watched, args=(f,))
           for f in [stay] * 8 + [come_and_go] * 2]
for t in threads:
    t.start()
for t in threads:
    t.join()
print(len(waits), "answers, the longest after", round(max(waits) * 1e3), "ms")
print(*failures[:10], sep="\n")
check(not failures, f"{len(failures)} failures")
