"""The load and the watching of 89-never-backwards.sh: requests from several
connections, while the operators' pages are read again and again. Ends when
the file it is given holds the number of workers that were killed."""

from operators import await_, endpoint, metrics, samples
from client import Closed, Connection, check
import os
import sys
import threading
import time

PATHS = ("/items/1", "/items?limit=5", "/kept/20", "/kept/30", "/nothing")
over = sys.argv[1]
end = threading.Event()
lock = threading.Lock()
sent = answered = 0
failures = []


def load():
    global sent, answered
    at = 0
    while not end.is_set():
        try:
            with Connection(timeout=10) as c:
                while not end.is_set():
                    at += 1
                    with lock:
                        sent += 1
                    answer = c.get(PATHS[at % len(PATHS)])
                    with lock:
                        answered += 1
                    if answer.status not in (200, 404):
                        failures.append(str(answer))
                    if answer.headers.get("connection") == "close":
                        break
                    time.sleep(0.001)  # enough load, and time for others
        except (Closed, OSError):
            continue  # its worker was killed


def numbers(m):
    """All that only grows on the page of metrics."""
    found = {k: m[k] for k in ("requests", "errors", "rows", "bytes_in",
                               "bytes_out", "not_modified", "compressed")}
    for group in ("status", "errors_by_kind"):
        found.update({(group, k): n for k, n in m[group].items()})
    for k in ("hits", "misses", "stored", "collapsed", "outdated"):
        found["cache", k] = m["cache_stats"][k]
    for e in m["endpoints"]:
        for k in ("requests", "rows", "bytes"):
            found[e["endpoint"], k] = e[k]
    return found


def counters(s):
    """And in Prometheus' text; a process's own CPU time may begin anew."""
    ends = ("_total", "_count", "_sum", "_bucket")
    return {k: n for k, n in s.items()
            if k[0].endswith(ends) and not k[0].startswith("prong_cpu")}


def compare(before, now):
    for key, n in before.items():
        if now.get(key, -1) < n:
            failures.append(f"{key} was {n} and is {now.get(key, 'gone')}")
    return now


threads = [threading.Thread(target=load) for _ in range(4)]
for t in threads:
    t.start()
seen, scraped, looks = numbers(metrics()), counters(samples()), 0
with open(over + ".begun", "w", encoding="ascii") as out:
    out.write("yes")
try:
    while not os.path.exists(over) or not os.path.getsize(over):
        seen = compare(seen, numbers(metrics()))
        scraped = compare(scraped, counters(samples()))
        looks += 1
        check(not failures, "\n".join(failures[:5]))
finally:
    end.set()
    for t in threads:
        t.join()
check(looks > 20, f"only {looks} looks")

# Each kill may cost the count of one answer that was already sent.
kills = int(open(over, encoding="ascii").read())
NAMES = ("GET /items/{id}", "GET /items", "GET /kept/{id}", "unmatched")


def counted():
    m = metrics()
    n = sum(endpoint(m, name).get("requests", 0) for name in NAMES)
    return n if answered - kills <= n <= sent else None


n = await_(counted, f"{answered} answers of {sent} requests counted")
compare(seen, numbers(metrics()))
check(not failures, "\n".join(failures[:5]))
check(answered > 200, f"only {answered} answers: no load")
print(sent, "sent,", answered, "answered,", n, "counted,", looks, "looks")
