"""What 76-cache-flight.sh asks of a server with four workers: the same, at
once, of all of them."""

from client import Closed, Connection, check, same
from operators import endpoint, metrics, page
import json
import os
import signal
import time

connections = [Connection() for _ in range(16)]


def queries(name):
    """SQL statements that it ran so far."""
    of = endpoint(metrics(), name)
    return round(of["queries_per_request"] * of["requests"]) if of else 0


def put(size):
    c = connections[size % len(connections)]
    c.ask("PUT", f"/size?size={size}")
    same(c.read().status, 204, "PUT")


def at_once(path):
    """All answers, in the order of connections; None: its worker died."""
    for c in connections:
        c.ask("GET", path)
    answers = []
    for i, c in enumerate(connections):
        try:
            answers.append(c.read())
        except (Closed, ConnectionError):
            answers.append(None)
            connections[i] = Connection()
    return answers


def outcomes(answers):
    count = {}
    for a in answers:
        if a is None:
            continue
        same(a.status, 200, a)
        said = a.headers["cache-status"].removeprefix("prong; ")
        said = said.split("; ttl")[0]
        count[said] = count.get(said, 0) + 1
    return count


def sizes(answers):
    return {json.loads(a.body)["size"] for a in answers if a}


# One computes for all.
began = time.monotonic()
answers = at_once("/slow")
took = time.monotonic() - began
count = outcomes(answers)
same(count.get("fwd=uri-miss; stored"), 1, f"computed once: {count}")
check(count.get("fwd=uri-miss; collapsed", 0) >= 2, f"the others wait: {count}")
same(sum(count.values()), len(connections), f"nothing else: {count}")
same(queries("GET /slow"), 1, "statements")
same({a.body for a in answers}, {answers[0].body}, "one answer")
check(took > 0.05, f"{took:.2f} s: too fast to be a test")
print(f"{took:.2f} s, {count}")

# After a write again, and nobody is given what was before it.
put(501)
count = outcomes(answers := at_once("/slow"))
same(sizes(answers), {501}, "after the write")
same(count.get("fwd=stale; detail=outdated; stored"), 1, f"once: {count}")
check(count.get("fwd=uri-miss; collapsed", 0) >= 2, f"the others wait: {count}")
same(queries("GET /slow"), 2, "statements")


# The one that computes is killed: another one does it.
def ticks(pid):
    with open(f"/proc/{pid}/stat", encoding="ascii") as stat:
        return int(stat.read().rsplit(")", 1)[1].split()[11])


def kill_the_busy(pids, before):
    while True:
        for pid in pids:
            if ticks(pid) >= before[pid] + 5:
                os.kill(pid, signal.SIGKILL)
                return
        time.sleep(0.01)


pids = [w["pid"] for w in metrics()["workers"] if w["pid"]]
same(len(pids), 4, "workers")
was = queries("GET /slow")
used = {pid: ticks(pid) for pid in pids}
for c in connections:
    c.ask("GET", "/slow?n=2000000")
kill_the_busy(pids, used)
killed = time.monotonic()
answers = []
for i, c in enumerate(connections):
    try:
        answers.append(c.read())
    except (Closed, ConnectionError):
        connections[i] = Connection()
waited = time.monotonic() - killed
count = outcomes(answers)
check(3 <= len(answers) < len(connections), f"{len(answers)} answers")
# Who waited once does not wait again: at most one a worker computes.
computed = count.get("fwd=uri-miss; stored", 0)
check(1 <= computed <= 3, f"others compute: {count}")
same(queries("GET /slow"), was + computed, "statements")
check(waited < 10, f"{waited:.1f} s until the last answer")
print(f"{waited:.2f} s after the kill, {count}")


# Past its time: shown while one computes, if that is allowed.
def shown_stale():
    return page("/api/cache/stats")["stale"]


def put_next():
    global size
    size += 1
    put(size)


def past(path, allowed):
    at_once(path)
    time.sleep(0.5)  # what is to be waited for is the time itself
    was = shown_stale()
    count = outcomes(at_once(path))
    same(count.get("fwd=stale; stored"), 1, f"{path}: {count}")
    same(shown_stale() > was, allowed, f"{path}: shown stale: {count}")
    print(path, count)
    put_next()
    same(sizes(at_once(path)), {size}, f"{path} after a write")
    put_next()
    time.sleep(0.5)  # and now it is both past its time and outdated
    same(sizes(at_once(path)), {size}, f"{path} after a write, late")


size = 600
past("/soft?n=200000", True)
past("/strict?n=200000", False)


# Failed: shown past its time, if that is allowed, and never after a write.
def fails(path, status):
    until = time.time() + 0.3
    path = f"{path}?until={until}"
    same(connections[0].get(path).status, 200, path)
    while time.time() < until:
        time.sleep(0.05)
    for c in connections[:2]:
        answer = c.get(path)
        same(answer.status, status, path)
        if status == 200:
            same(json.loads(answer.body)["size"], size, path)
            check("prong; hit; ttl=" in answer.headers["cache-status"], answer)
    put_next()
    for c in connections[:2]:
        answer = c.get(path)
        same(answer.status, 504, f"{path} after a write")
        check("; hit" not in answer.headers["cache-status"], answer)


fails("/late", 200)
fails("/late/strict", 504)
fails("/late/plain", 504)
