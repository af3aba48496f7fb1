"""The load and the checker of 77-cache-rule.sh.

A writer counts up one counter and publishes each number that was
acknowledged. A reader takes the published number, then asks, and must see it
or a later one, whole, and none that is before one that it saw already. What a
304 stands for is the body that came with its tag. Meanwhile workers are killed
at random moments, and the app is loaded anew: that also opens again what was
closed for having been at work in too many of the killed.
"""

from client import Closed, Connection, check
from multiprocessing import Process, Queue, RawArray
import gzip
import json
import os
import random
import signal
import time

SECONDS = float(os.environ.get("CHECK_SECONDS", "7"))
COUNTERS, READERS = (1, 2, 3), 5
MASTER = int(os.environ["MASTER"])
published = RawArray("q", max(COUNTERS) + 1)  # the last acknowledged of each
end = time.monotonic() + SECONDS


class Client:
    """Answers, over one connection as long as it lasts; None: it died."""

    def __init__(self):
        self.connection = None

    def ask(self, method, path, headers=(), close=False):
        try:
            if self.connection is None:
                self.connection = Connection(timeout=10)
            self.connection.ask(method, path, headers)
            answer = self.connection.read(head=method == "HEAD")
        except (Closed, ConnectionError):
            self.drop()
            return None
        if close or answer.headers.get("connection") == "close":
            self.drop()
        return answer

    def drop(self):
        if self.connection:
            self.connection.close()
        self.connection = None


def count(counts, what):
    counts[what] = counts.get(what, 0) + 1


def write(counter, results):
    counts, client, number = {}, Client(), 0
    while time.monotonic() < end:
        number += 1
        path = f"/counters/{counter}" + random.choice(("", "/twice"))
        answer = client.ask("PUT", f"{path}?n={number}")
        if answer is None:
            count(counts, "writes unanswered")
        elif answer.status in (200, 204):
            published[counter] = number
            count(counts, "writes")
        else:
            count(counts, f"writes {answer.status}")
        time.sleep(random.choice((0, 0.001, 0.02)))
    results.put((counts, []))


class Reader:
    def __init__(self):
        self.counts, self.failures = {}, []
        self.client = Client()
        self.seen = dict.fromkeys(COUNTERS, 0)
        self.bodies = {}  # number by tag: a tag is of the bytes alone
        self.last = {}  # tag by path and coding

    def headers(self, path, coding):
        lines = [f"Accept-Encoding: {coding}"]
        tags = [self.last.get((path, coding)), '"nonsense"',
                random.choice(list(self.bodies) or ['"x"'])]
        if tags[0] and random.random() < 0.5:
            random.shuffle(tags)
            lines.append("If-None-Match: " + ", ".join(tags))
        return lines

    def number_in(self, answer, path, coding):
        """What it says, or None and a failure."""
        tag = answer.headers["etag"]
        if answer.status == 304:
            return self.bodies.get(tag, f"a 304 with an unknown {tag}")
        body = answer.body
        if answer.headers.get("content-encoding") == "gzip":
            body = gzip.decompress(body)
            count(self.counts, "gzip")
        said = json.loads(body)
        if set(said["again"].split()) != {str(said["n"])}:
            return f"torn: {body}"
        if self.bodies.setdefault(tag, said["n"]) != said["n"]:
            return f"{tag} is of {self.bodies[tag]} and {said['n']}"
        self.last[path, coding] = tag
        return said["n"]

    def read(self):
        counter = random.choice(COUNTERS)
        path = random.choice(("/counters/", "/logged/")) + str(counter)
        coding = random.choice(("identity", "gzip"))
        headers = self.headers(path, coding)
        least = max(published[counter], self.seen[counter])
        answer = self.client.ask("GET", path, headers,
                                 close=random.random() < 0.05)
        if answer is None or answer.status == 503:
            count(self.counts, "died" if answer is None else "closed")
            return
        if answer.status not in (200, 304):
            self.failures.append(f"{path}: {answer}")
            return
        count(self.counts, "reads")
        count(self.counts, str(answer.status))
        count(self.counts, answer.headers["cache-status"].split("; ttl")[0])
        number = self.number_in(answer, path, coding)
        if not isinstance(number, int):
            self.failures.append(f"{path}: {number}")
        elif number < least:
            self.failures.append(
                f"{path} shows {number}, but {published[counter]} was "
                f"acknowledged and {self.seen[counter]} seen before: {answer}")
        else:
            self.seen[counter] = number


def read(results):
    r = Reader()
    while time.monotonic() < end and not r.failures:
        r.read()
    results.put((r.counts, r.failures))


def workers():
    with open(f"/proc/{MASTER}/task/{MASTER}/children", encoding="ascii") as f:
        children = f.read().split()
    found = []
    for pid in children:
        try:
            with open(f"/proc/{pid}/cmdline", "rb") as line:
                if line.read().startswith(b"prong: worker"):
                    found.append(int(pid))
        except (FileNotFoundError, ProcessLookupError):
            pass
    return found


def kill():
    """One of them every 300 ms; and a reload after some."""
    kills = 0
    while time.monotonic() < end - 0.5:
        time.sleep(random.uniform(0.15, 0.45))
        if pids := workers():
            os.kill(random.choice(pids), signal.SIGKILL)
            kills += 1
        if kills % 4 == 3:
            os.kill(MASTER, signal.SIGHUP)
    return kills


results = Queue()
processes = [Process(target=write, args=(c, results)) for c in COUNTERS]
processes += [Process(target=read, args=(results,)) for _ in range(READERS)]
for p in processes:
    p.start()
kills = kill()
counts, failures = {"kills": kills}, []
for p in processes:
    of_one, failed = results.get(timeout=60)
    failures += failed
    for name, n in of_one.items():
        counts[name] = counts.get(name, 0) + n
for p in processes:
    p.join()
for name in sorted(counts):
    print(f"{counts[name]:8} {name}")
check(not failures, "\n".join(failures[:5]))
for name, least in {"kills": 5, "writes": 100, "reads": 1000, "gzip": 50,
                    "304": 50, "prong; hit": 200,
                    "prong; fwd=stale; detail=outdated; stored": 100}.items():
    check(counts.get(name, 0) >= least, f"too few to be a test: {name}")
