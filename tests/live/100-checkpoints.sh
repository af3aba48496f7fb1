#!/bin/bash
# Goal: under writers that never pause the WAL stays short, by the keeper's
# work alone: workers never checkpoint. A reader that holds its snapshot lets
# it grow, an operator is told, no writer fails, and after it the WAL is short
# again, and its file cut once they pause. A clean stop leaves none.
. "$(dirname "$0")/lib.sh"
. "$here/operators.sh"

make_app
cat >"$T/app/schema/002_notes.sql" <<'SQL'
CREATE TABLE notes (id INTEGER PRIMARY KEY, text BLOB NOT NULL) STRICT;
SQL
cat >"$T/app/api/notes.sql" <<'SQL'
-- POST /notes
-- @auth public
-- @status 201
INSERT INTO notes (text) VALUES (randomblob(3000));

-- GET /notes/forever
-- @timeout 1s
-- @one
SELECT count(*) AS n FROM notes a, notes b, notes c, notes d, notes e;
SQL
start_admin -w 2 --durability normal --wal-autocheckpoint 50 \
    --journal-size-limit 256K
keeper_is_there() {
    [ -n "$(keeper)" ]
}
await 10 keeper_is_there
export LOG=$T/log KEEPER
KEEPER=$(keeper)

python3 - "$T/app/live.db" <<'PY'
from client import Connection, check, same
from operators import await_, metrics, page, samples
import os
import signal
import sqlite3
import struct
import sys
import threading
import time

LIMIT = 50  # wal_autocheckpoint
database = sys.argv[1]
keeper = int(os.environ["KEEPER"])
written = 0
lock = threading.Lock()


# Never closed: that would drop the locks of this process's connections
# (sqlite.org/howtocorrupt.html, 2.2).
shm = os.open(database + "-shm", os.O_RDONLY)


def index():
    """Frames in the WAL, and how many of them are in the database: words of
    the WAL index (sqlite.org/walformat.html, 2.2 and 2.3)."""
    head = os.pread(shm, 100, 0)
    return (struct.unpack_from("=I", head, 16)[0],
            struct.unpack_from("=I", head, 96)[0])


def size():
    return os.stat(database + "-wal").st_size


def post(c):
    global written
    c.ask("POST", "/notes")
    answer = c.read()
    same(answer.status, 201, "POST /notes")
    with lock:
        written += 1


class Load:
    """Writers that never pause, on four connections."""

    def __enter__(self):
        self.failed = []
        self.over = False
        self.threads = [threading.Thread(target=self.run) for _ in range(4)]
        for t in self.threads:
            t.start()
        return self

    def run(self):
        try:
            with Connection() as c:
                while not self.over:
                    post(c)
        except BaseException as e:
            self.failed.append(e)

    def __exit__(self, *_):
        self.over = True
        for t in self.threads:
            t.join()
        check(not self.failed, f"writers: {self.failed[:1]}")


def more(count):
    """That many more rows were acknowledged."""
    goal = written + count
    return lambda: written >= goal


def is_short():
    return index()[0] < 10 * LIMIT


def logged(text):
    with open(os.environ["LOG"], encoding="utf-8", errors="replace") as f:
        return text in f.read()


# Writers that never pause: it begins anew all the same.
before = samples()["prong_checkpoints_total", None]
with Load():
    await_(more(200), "the first rows", 30)
    anew = total = most = last = 0
    end = time.monotonic() + 30
    while anew < 6 or most > total / 2:
        frames = index()[0]
        if frames < last:
            anew += 1
        if anew > 0:  # until then the keeper does not know of the load
            total += frames if frames < last else frames - last
            most = max(most, frames)
        last = frames
        check(time.monotonic() < end, f"{anew} times, {most} of {total} frames")
        time.sleep(0.001)
now = samples()
check(now["prong_checkpoints_total", None] > before + 3, "checkpoints")
check(now["prong_checkpoint_seconds_total", None] > 0, "their time")
told = page("/api/monitoring/system")["database"]
check(told["checkpoints"] >= 3 and told["checkpoint_ms"] > 0, f"{told}")
check(told["wal_copied"] <= told["wal_frames"], f"{told}")

# Workers alone: all that is written stays in the WAL.
await_(lambda: index()[0] - index()[1] < LIMIT, "a WAL that is copied")
time.sleep(0.1)  # so that the keeper is at nothing
os.kill(keeper, signal.SIGSTOP)
with Connection() as c:
    post(c)  # begins anew what was all copied
    frames, copied = index()
    for _ in range(200):
        post(c)
    check(index()[0] >= frames + 200, f"{index()}")
    same(index()[1], copied, "copied without the keeper")
os.kill(keeper, signal.SIGCONT)
await_(lambda: index()[0] - index()[1] < LIMIT, "the keeper's work")

# Somebody outside reads, and takes his time.
reader = sqlite3.connect(database, isolation_level=None)
reader.execute("BEGIN")
seen = reader.execute("SELECT count(*) FROM notes").fetchone()[0]
with Load():
    await_(lambda: index()[0] > 16 * LIMIT, "a WAL that grows", 30)
    await_(lambda: logged("somebody reads and does not finish"), "a warning")
    same(reader.execute("SELECT count(*) FROM notes").fetchone()[0], seen,
         "its snapshot")
    reader.execute("COMMIT")
    reader.close()
    await_(is_short, "a short WAL after the reader", 30)
await_(lambda: size() < 2 << 20, "a file that is cut when nobody writes", 30)

# A request that never finishes, until its deadline.
with Connection() as c, Load():
    c.ask("GET", "/notes/forever")
    await_(lambda: index()[0] > 4 * LIMIT, "a WAL that grows", 30)
    same(c.read().status, 504, "the deadline")
    await_(is_short, "a short WAL after the request", 30)

with sqlite3.connect(database) as db:
    same(db.execute("SELECT count(*) FROM notes").fetchone()[0], written,
         "rows")
    same(db.execute("PRAGMA integrity_check").fetchone()[0], "ok", "integrity")
db.close()
same(metrics()["keeper"], keeper, "the keeper")
PY
[ "$(keeper)" = "$KEEPER" ] || fail "another keeper"
stop
for left in "$T/app/live.db-wal" "$T/app/live.db-shm"; do
    [ ! -e "$left" ] || fail "$left is left"
done
[ "$(sqlite3 "$T/app/live.db" 'PRAGMA integrity_check')" = ok ] ||
    fail "the database"
