"""Writers of rows that have a token each, and the check of what is left.

    writers.py load FOLDER COUNT [keyed]   writes until FOLDER/over is there
    writers.py check FOLDER DB…            every acknowledged row, once

FOLDER keeps the tokens that were sent, and for each status those that got it,
one a line. The server is where $T/port says, which may change; who finds none
tries again. keyed: every second writer has an Idempotency-Key for each row,
and repeats the request until it is answered 201.
"""

from client import Closed, Connection, check
from power_cut import Said, tokens
import json
import os
import random
import sqlite3
import sys
import threading
import time

GIVE_UP = 60.0  # seconds without a 201, of a writer that repeats
PAUSE = 0.01  # after anything but a 201


class Writer(threading.Thread):
    def __init__(self, name, keyed, said):
        super().__init__(name=name)
        self.keyed = keyed
        self.said = said
        self.connection = None
        self.failed = ""

    def connect(self):
        with open(os.path.join(os.environ["T"], "port"),
                  encoding="ascii") as f:
            return Connection(port=int(f.read()), timeout=20)

    def drop(self):
        if self.connection:
            self.connection.close()
        self.connection = None

    def try_(self, token):
        """Sends it once: the status, or 0 without an answer."""
        chance = random.Random(token)  # sent again it has the same body
        size = chance.choice((10, 100, 1000, chance.randrange(9000)))
        row = {"token": token, "body": token + "x" * size}
        headers = ["Content-Type: application/json"]
        if self.keyed:
            headers.append(f"Idempotency-Key: {token}")
        try:
            self.connection = self.connection or self.connect()
            self.connection.ask("POST", "/rows", headers,
                                json.dumps(row).encode())
            answer = self.connection.read()
        except (Closed, OSError, ValueError):
            self.drop()
            return 0
        if answer.headers.get("connection") == "close":
            self.drop()
        return answer.status

    def write(self, token):
        self.said.say("sent", token)
        end = time.monotonic() + GIVE_UP
        status = self.try_(token)
        while self.keyed and status != 201:
            self.said.say(f"again-{status}", token)
            if time.monotonic() > end:
                self.failed = f"{token}: never answered, last {status}"
                return
            time.sleep(PAUSE)
            status = self.try_(token)
        if status:
            self.said.say(status, token)
        if status != 201:
            time.sleep(PAUSE)

    def run(self):
        number = 0
        over = os.path.join(self.said.folder, "over")
        while not (self.failed or os.path.exists(over) or os.getppid() == 1):
            number += 1
            self.write(f"{self.name}.{number}")
        self.drop()


def load(folder, count, keyed=""):
    said = Said(folder)
    writers = [Writer(f"{os.getpid()}.{n}", bool(keyed) and n % 2 == 0, said)
               for n in range(int(count))]
    for w in writers:
        w.start()
    for w in writers:
        w.join()
    said.close()
    failed = [w.failed for w in writers if w.failed]
    check(not failed, "\n".join(failed[:5]))


# ---- the check

def rows_of(path):
    """How often each token is in that database, which has to be whole."""
    db = sqlite3.connect(path, timeout=10)
    try:
        whole = db.execute("PRAGMA integrity_check").fetchone()[0]
    except sqlite3.DatabaseError as e:
        whole = repr(e)
    check(whole == "ok", f"{path}: integrity_check: {whole}")
    found = dict(db.execute("SELECT token, count(*) FROM rows GROUP BY 1"))
    torn = db.execute("""SELECT count(*) FROM rows
        WHERE substr(body, 1, length(token)) <> token""").fetchone()[0]
    db.close()
    check(torn == 0, f"{path}: {torn} rows with another's body")
    return found


def examine(folder, *databases):
    """May run beside writers: what is to be there is read before the rows,
    what may be there behind them."""
    acknowledged = tokens(folder, "201")
    refused = [t for status in os.listdir(folder) if status[0] in "45"
               for t in tokens(folder, status)]
    found = {}
    for path in databases:
        for token, n in rows_of(path).items():
            found[token] = found.get(token, 0) + n
    missing = [t for t in acknowledged if t not in found]
    check(not missing, f"{len(missing)} of {len(acknowledged)} acknowledged "
          f"rows are lost: {missing[:5]}")
    twice = [t for t, n in found.items() if n > 1]
    check(not twice, f"there more than once: {twice[:5]}")
    strange = set(found) - set(tokens(folder, "sent"))
    check(not strange, f"never sent: {list(strange)[:5]}")
    there = [t for t in refused if t in found]
    check(not there, f"refused, and there: {there[:5]}")
    print(f"{len(acknowledged)} acknowledged, {len(refused)} refused, "
          f"{len(found)} there")


if __name__ == "__main__":
    {"load": load, "check": examine}[sys.argv[1]](*sys.argv[2:])
