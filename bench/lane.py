#!/usr/bin/env python3
"""What everybody else waits for while statements of one worker take seconds.

    bench/lane.py [--count 500] [--rate 100] [--seconds 20] [--threads 4,1]

One worker. Beside so many statements as the load says, each begun anew when it
ends, five clients ask for one thing each at a constant rate; what they wait is
counted from when a request was due, so one that could not even be sent counts
too; after so many seconds those that are due still have waited until then.
Prints median, 99th percentile and the longest, in ms. Nothing waits for a disk:
the database is in memory.
"""
import argparse
import contextlib
import http.client
import itertools
import json
import pathlib
import shutil
import signal
import subprocess
import tempfile
import threading
import time

from stand import PRONG, free_port, wait_for

APP = {
    "app.conf": "name = lane\ndatabase = lane.db\n",
    "schema/001.sql": """
CREATE TABLE items (id INTEGER PRIMARY KEY, name TEXT);
CREATE TABLE notes (id INTEGER PRIMARY KEY, text TEXT);
WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c WHERE x < 1000)
INSERT INTO items SELECT x, 'item ' || x FROM c;
""",
    "api/all.sql": """
-- GET /read
-- @one
SELECT id, name FROM items WHERE id = 500;

-- GET /hit
-- @cache 1h
SELECT id, name FROM items LIMIT 20;

-- POST /notes
-- @auth public
-- @param text text
-- @status 201
INSERT INTO notes (text) VALUES (:text);

-- GET /endless
-- @timeout 3s
-- @value
WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c)
SELECT count(*) FROM c;

-- GET /sorted
-- @timeout 60s
-- @value
WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c
                        WHERE x < 1200000)
SELECT count(*) FROM (SELECT 1 FROM c GROUP BY hex(x * 7919 % 1000003) || 'x');
""",
}
LOADS = [("nothing", []), ("endless", ["/endless"]), ("sort", ["/sorted"]),
         ("six endless", ["/endless"] * 6)]
MEMORY = pathlib.Path("/dev/shm")
KINDS = ["health", "hit", "304", "read", "write"]


@contextlib.contextmanager
def server(threads):
    folder = pathlib.Path(tempfile.mkdtemp(
        prefix="prong-lane-", dir=MEMORY if MEMORY.is_dir() else None))
    port = free_port()
    for name, text in APP.items():
        path = folder / "app" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    with open(folder / "log", "wb") as log:
        process = subprocess.Popen(
            [str(PRONG), "-w", "1", "--threads", str(threads), "--shed-ms",
             "0", "-b", f"127.0.0.1:{port}", str(folder / "app")],
            stdout=log, stderr=log, cwd=folder, start_new_session=True)
    try:
        wait_for("the server", lambda: ask(port, "/ready")[0] == 200)
        yield port
    finally:
        process.send_signal(signal.SIGQUIT)
        process.wait()
        shutil.rmtree(folder)


def ask(port, path):
    c = http.client.HTTPConnection("127.0.0.1", port, timeout=90)
    try:
        c.request("GET", path)
        answer = c.getresponse()
        answer.read()
        return answer.status, answer.getheader("ETag")
    finally:
        c.close()


def request_of(kind, port):
    """method, path, body, headers and the status that it must have"""
    if kind == "health":
        return "GET", "/api/health", None, {}, 200
    if kind == "write":
        return ("POST", "/notes", json.dumps({"text": "x" * 40}),
                {"Content-Type": "application/json"}, 201)
    if kind == "304":
        return "GET", "/hit", None, {"If-None-Match": ask(port, "/hit")[1]}, 304
    return "GET", "/" + kind, None, {}, 200


def client(port, request, args, waits, wrong):
    method, path, body, headers, status = request
    c = http.client.HTTPConnection("127.0.0.1", port, timeout=90)
    began = time.monotonic()
    end = began + args.seconds
    for i in range(args.count):
        due = began + i / args.rate
        time.sleep(max(0, due - time.monotonic()))
        if time.monotonic() > end:
            waits.append((end - due) * 1000)
            continue
        c.request(method, path, body, headers)
        answer = c.getresponse()
        answer.read()
        waits.append((time.monotonic() - due) * 1000)
        if answer.status != status:
            wrong.append(answer.status)
    c.close()


def keep_asking(port, path, over):
    while not over.is_set():
        with contextlib.suppress(OSError, http.client.HTTPException):
            ask(port, path)


def measure(port, load, args):
    over = threading.Event()
    requests = {kind: request_of(kind, port) for kind in KINDS}
    waits = {kind: [] for kind in KINDS}
    wrong = {kind: [] for kind in KINDS}
    beside = [threading.Thread(target=keep_asking, args=(port, path, over),
                               daemon=True) for path in load]
    clients = [threading.Thread(target=client, args=(
        port, requests[kind], args, waits[kind], wrong[kind]))
        for kind in KINDS]
    for thread in beside:
        thread.start()
    time.sleep(0.3 if load else 0)
    for thread in clients:
        thread.start()
    for thread in clients:
        thread.join()
    over.set()
    for thread in beside:
        thread.join()
    return waits, wrong


def say(threads, load, waits, wrong):
    for kind in KINDS:
        w = sorted(waits[kind])
        refused = f", {len(wrong[kind])} refused" if wrong[kind] else ""
        print(f"| {threads} | {load} | {kind} | {w[len(w) // 2]:.1f} | "
              f"{w[len(w) * 99 // 100]:.1f} | {w[-1]:.1f}{refused} |",
              flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--count", type=int, default=500)
    parser.add_argument("--rate", type=float, default=100)
    parser.add_argument("--seconds", type=float, default=20)
    parser.add_argument("--threads", default="4,1")
    args = parser.parse_args()
    print("| threads | beside | asked for | median | 99 % | longest |\n"
          "|---|---|---|---|---|---|")
    for threads, (name, load) in itertools.product(
            args.threads.split(","), LOADS):
        with server(threads) as port:
            ask(port, "/hit")
            say(threads, name, *measure(port, load, args))


if __name__ == "__main__":
    main()
