"""The loads of 104-idempotency.sh.

    idempotency.py together KEY   fifty requests with one key, at once
    idempotency.py crashes        workers are killed while keys are retried
"""

from client import Closed, Connection, check, same
import json
import os
import random
import signal
import subprocess
import sys
import threading
import time

TOGETHER = 50
CLIENTS, KILLS, SECONDS = 8, 20, 60


def post(connection, key, name):
    connection.ask("POST", "/orders", [
        "Content-Type: application/json", f"Idempotency-Key: {key}"],
        json.dumps({"name": name}).encode())


def together(key):
    connections = [Connection() for _ in range(TOGETHER)]
    for c in connections:
        post(c, key, "together")
    answers = [c.read() for c in connections]
    same({a.status for a in answers}, {201}, "statuses")
    same(len({a.body for a in answers}), 1, "different bodies")
    replayed = [a.headers.get("idempotency-replayed") for a in answers]
    same(replayed.count(None), 1, "first answers")
    same(replayed.count("true"), TOGETHER - 1, "replayed answers")


# ---- retried until answered, while workers are killed ------------------------

answered = {}  # key: the row's id, as the client was told
lost = []  # keys whose answer was lost at least once
replayed = []
failures = []
over = threading.Event()


def once(connection, key):
    """One try: a connection for the next, and whether it was answered."""
    try:
        connection = connection or Connection()
        post(connection, key, key)
        answer = connection.read()
    except (Closed, OSError):
        lost.append(key)
        return None, False
    if answer.status == 503:
        return None, False
    if answer.status != 201:
        failures.append(f"{key}: {answer}")
    else:
        answered[key] = json.loads(answer.body)["id"]
    if answer.headers.get("idempotency-replayed"):
        replayed.append(key)
    keeps = answer.headers.get("connection") != "close"
    return connection if keeps else None, True


def client(number):
    connection, count = None, 0
    while not over.is_set() and not failures:
        count += 1
        key, done = f"c{number}-{count}", False
        end = time.monotonic() + SECONDS
        while not done:
            connection, done = once(connection, key)
            if time.monotonic() > end:
                failures.append(f"{key} was never answered")
                return


def workers():
    got = subprocess.run(["pgrep", "-f", "-P", os.environ["PID"],
                          "^prong: worker"], stdout=subprocess.PIPE, check=False)
    return [int(pid) for pid in got.stdout.split()]


def kill_some():
    """Each time so many more answers were given."""
    chance = random.Random(104)
    for _ in range(KILLS):
        goal = len(answered) + chance.randrange(20, 80)
        end = time.monotonic() + SECONDS
        while len(answered) < goal and not failures:
            check(time.monotonic() < end, f"stuck at {len(answered)} answers")
            time.sleep(0.001)
        victims = workers()
        if victims:
            os.kill(chance.choice(victims), signal.SIGKILL)


def crashes():
    threads = [threading.Thread(target=client, args=(n,))
               for n in range(CLIENTS)]
    for t in threads:
        t.start()
    try:
        kill_some()
    finally:
        over.set()
        for t in threads:
            t.join()
    check(not failures, "\n".join(failures[:5]))
    check(lost, "no answer was ever lost: nothing was tested")
    with open(os.environ["T"] + "/answered", "w", encoding="ascii") as out:
        for key, number in answered.items():
            print(f"{key},{number}", file=out)
    print(f"{len(answered)} keys, {len(set(lost))} lost an answer, "
          f"{len(replayed)} were replayed")


if sys.argv[1] == "together":
    together(sys.argv[2])
else:
    crashes()
