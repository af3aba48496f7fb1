"""The load of 23-read-after-write.sh. Writers put a value and, once it is
acknowledged, publish it; readers take the published value, then ask, and must
see it or a later one. Idle readers' requests come in bursts, so that many are
answered in one turn of a worker's loop."""

from client import Connection, check
import threading
import time

SECONDS, COUNTERS, READERS = 4, (1, 2), 12
published = dict.fromkeys(COUNTERS, 0)  # the last acknowledged
failures = []
reads = []


def write(counter, end):
    c, number = Connection(), 0
    while time.monotonic() < end:
        number += 1
        c.ask("PUT", f"/counters/{counter}?n={number}")
        answer = c.read()
        if answer.status != 200:
            failures.append(f"PUT: {answer}")
            return
        published[counter] = number
        if answer.headers.get("connection") == "close":
            c = Connection()


def read(end):
    connections = [Connection() for _ in range(4)]
    while time.monotonic() < end and not failures:
        for counter in COUNTERS:
            least = published[counter]
            for c in connections:
                c.ask("GET", f"/counters/{counter}")
            for c in connections:
                seen = int(c.read().body)
                reads.append(1)
                if seen < least:
                    failures.append(f"counter {counter}: {seen}, but {least} was "
                                    "acknowledged before the request")


end = time.monotonic() + SECONDS
threads = [threading.Thread(target=write, args=(i, end)) for i in COUNTERS]
threads += [threading.Thread(target=read, args=(end,))
            for _ in range(READERS)]
for t in threads:
    t.start()
for t in threads:
    t.join()
check(not failures, "\n".join(failures[:5]))
check(min(published.values()) > 50, f"too few writes: {published}")
check(len(reads) > 1000, f"only {len(reads)} reads: no load")
print(sum(published.values()), "writes,", len(reads), "reads")
