"""The load, the cut and the check of 90-power-cut.sh.

    power_cut.py load ROUND FOLDER    writes until the server is gone
    power_cut.py leave MODE DB FOLDER puts what the cut left in the files' place
    power_cut.py check DB FOLDER      every acknowledged row, once

Each row has a token of its own. FOLDER keeps the tokens that were sent,
acknowledged (201) and refused (503), one a line, over all rounds.
"""

from client import Closed, Connection, check
import json
import os
import random
import sqlite3
import sys
import threading

WRITERS = 12
SECTOR = 512


# ---- load

def write(writer, round_, out):
    """Until nobody answers. A row has from 1 to 4 pages."""
    number = 0
    while True:
        try:
            with Connection(timeout=30) as c:
                while True:
                    number += 1
                    token = f"{round_}.{writer}.{number}"
                    size = random.choice((10, 100, 1000, random.randrange(9000)))
                    row = {"token": token, "body": token + "x" * size}
                    out.say("sent", token)
                    c.ask("POST", "/rows", ["Content-Type: application/json"],
                          json.dumps(row).encode())
                    answer = c.read()
                    out.say(answer.status, token)
                    if answer.headers.get("connection") == "close":
                        break
        except ConnectionRefusedError:
            return
        except (Closed, OSError):
            continue


class Said:
    """Files of tokens; a line is whole, as threads share them."""

    def __init__(self, folder):
        self.folder = folder
        self.files = {}
        self.lock = threading.Lock()

    def say(self, what, token):
        with self.lock:
            if what not in self.files:
                self.files[what] = open(os.path.join(self.folder, str(what)),
                                        "a", buffering=1, encoding="ascii")
            self.files[what].write(token + "\n")

    def close(self):
        for f in self.files.values():
            f.close()


def load(round_, folder):
    out = Said(folder)
    threads = [threading.Thread(target=write, args=(w, round_, out))
               for w in range(WRITERS)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    out.close()


# ---- the cut

def content(path):
    try:
        with open(path, "rb") as f:
            return f.read()
    except FileNotFoundError:
        return None


def differences(left, written):
    return [at for at in range(0, max(len(left), len(written)), SECTOR)
            if left[at:at + SECTOR] != written[at:at + SECTOR]]


def torn(safe, present):
    """Of what was written but not synced, any sectors and any length."""
    likely = random.choice((0.1, 0.5, 0.9))
    size = random.choice((len(safe), len(present),
                          random.randint(*sorted((len(safe), len(present))))))
    left = bytearray(size)
    for at in range(0, size, SECTOR):
        source = present if random.random() < likely else safe
        piece = source[at:min(at + SECTOR, size)]
        left[at:at + len(piece)] = piece
    return bytes(left)


def leave(mode, database, folder):
    """In the place of the database what the disk may hold after the cut."""
    print(f"{mode}:", end="")
    for path in (database, database + "-wal"):
        safe = content(os.path.join(folder, os.path.basename(path)))
        present = content(path)
        left = safe
        if mode == "torn" and present is not None:
            left = torn(safe or b"", present)
        print(f" {len(differences(left or b'', present or b''))} sectors of "
              f"{len(present or b'') // SECTOR}", end="")
        if left is None:
            if present is not None:
                os.remove(path)
            continue
        with open(path, "wb") as f:
            f.write(left)
    if os.path.exists(database + "-shm"):
        os.remove(database + "-shm")
    print(" differ from what was written")


# ---- the check

def tokens(folder, what):
    text = content(os.path.join(folder, what)) or b""
    return text.decode("ascii").split()


def examine(database, folder):
    with sqlite3.connect(database) as db:
        found = dict(db.execute("SELECT token, count(*) FROM rows GROUP BY 1"))
        whole = db.execute("PRAGMA integrity_check").fetchone()[0]
        torn_rows = db.execute("""SELECT count(*) FROM rows
            WHERE substr(body, 1, length(token)) <> token""").fetchone()[0]
    db.close()
    check(whole == "ok", f"integrity_check: {whole}")
    check(torn_rows == 0, f"{torn_rows} rows with another's body")
    acknowledged = tokens(folder, "201")
    missing = [t for t in acknowledged if t not in found]
    check(not missing, f"{len(missing)} of {len(acknowledged)} acknowledged "
          f"rows are lost: {missing[:5]}")
    twice = [t for t, n in found.items() if n > 1]
    check(not twice, f"there more than once: {twice[:5]}")
    strange = set(found) - set(tokens(folder, "sent"))
    check(not strange, f"never sent: {list(strange)[:5]}")
    refused = set(found) & set(tokens(folder, "503"))
    check(not refused, f"refused, and there: {list(refused)[:5]}")
    print(f"{len(acknowledged)} acknowledged, {len(found)} there")


if __name__ == "__main__":
    {"load": load, "leave": leave, "check": examine}[sys.argv[1]](*sys.argv[2:])
