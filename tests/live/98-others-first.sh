#!/bin/bash
# Goal: a worker at a long read does not keep its turn to write from others. A
# backup that a reload ends is refused for now, and the next one made. Who runs
# a job by hand hears of it when it is on the disk. And the keeper leaves with
# the server, though a stranger told it to before.
. "$(dirname "$0")/lib.sh"
. "$here/operators.sh"
. "$here/faults.sh"

make_rows
cat >"$T/app/api/times.sql" <<'SQL'
-- GET /forever
-- @timeout 3s
-- @value
WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c)
SELECT count(*) FROM c;

-- POST /never
-- @auth public
-- @timeout 700ms
-- @none
INSERT INTO rows (token)
WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c)
SELECT count(*) FROM c;
SQL
mkdir "$T/app/jobs"
cat >"$T/app/jobs/tick.sql" <<'SQL'
-- EVERY 10h tick
INSERT INTO rows (token) VALUES ('tick');
SQL

# server ARGUMENTS…: on a disk that can be slow.
server() {
    ASAN_OPTIONS=verify_asan_link_order=0 LD_PRELOAD=$T/faults.so \
        PRONG_FAULTS=$T/faults start_admin "$@"
}

server -w 2 --keep-alive 60 --graceful-timeout 30 --backup-dir "$T/backups"
await 10 workers_are 2

# ---- a turn that comes during a long read

python3 - <<'PY'
from client import check, same
from operators import await_, page
from pinned import connections, workers
import json
import time

READ = 3.0   # seconds, of GET /forever
BOUND = 1.5  # what a write may take beside it


def holder():
    return page("/api/monitoring/writers")["holder"] or {}


def write(c, token):
    c.ask("POST", "/rows", ["Content-Type: application/json"],
          json.dumps({"token": token, "body": ""}).encode())


reading, other = workers()
reader, writer, witness = connections(reading, 3, "/rows/count")
c, = connections(other, 1, "/rows/count")
c.ask("POST", "/never")
await_(lambda: holder().get("pid") == other, "the other has the turn")
write(writer, "waits")
same(witness.get("/rows/count").status, 200, "a read")  # so it was read
reader.ask("GET", "/forever")
began = time.monotonic()
same(c.read().status, 504, "the turn's end")
check(time.monotonic() - began < READ - BOUND, "too slow to tell")
for i in range(5):
    since = time.monotonic()
    write(c, f"goes on {i}")
    same(c.read().status, 201, "a write beside a long read")
    took = time.monotonic() - since
    check(took < BOUND, f"it took {took:.3f} s")
same(reader.read().status, 504, "the long read")
same(writer.read().status, 201, "the write behind it")
PY

# ---- a reload during a backup

backup_child() {
    pgrep -P "$1"
}
another_keeper() {
    [ "$(keeper | wc -l)" -eq 1 ] && ! keeper | grep -qx "$1"
}
old=$(keeper)
sqlite3 -cmd '.timeout 5000' "$DB" 'INSERT INTO rows (token, body)
    WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c LIMIT 20000)
    SELECT x, hex(randomblob(500)) FROM c'
(URL=$ADMIN expect 503 POST /api/backup && header retry-after '[1-9][0-9]*' &&
    json '$.detail' 'The keeper leaves; try again') &
asked=$!
await 10 backup_child "$old"
child=$(backup_child "$old")
kill -STOP "$child" # so that it lasts
kill -HUP "$PID"
wait "$asked" || fail "the backup that was ended"
kill -CONT "$child" 2>/dev/null || true # the keeper's end is its end too
await 10 gone "$child"
await 10 another_keeper "$old"
await 10 workers_are 2
URL=$ADMIN expect 201 POST /api/backup
json '$.bytes' "$(stat -c %s "$T/backups"/*.db)"
! compgen -G "$T/backups/*.part-*" || fail "a part is left"

# ---- a job by hand on a slow disk

accepted before # begins the WAL anew, if that is due: with a sync of its own
order 'sync-delay wal 700000'
since=${EPOCHREALTIME/./}
URL=$ADMIN expect 200 POST /api/jobs/tick/run
took=$((${EPOCHREALTIME/./} - since))
[ "$took" -ge 700000 ] || fail "it was told before it was safe: $took us"
order

# ---- a stranger's signal, and then the master's

# Signals of one number do not queue: while the keeper hears of none, as in a
# long sync, the second is lost.
ticks() {
    sqlite3 "$DB" "SELECT count(*) FROM rows WHERE token = 'tick'"
}
ticked() { # COUNT: another one is there, and not yet on the disk
    [ "$(ticks)" -gt "$1" ]
}
keeper=$(keeper)
count=$(ticks)
order 'sync-delay wal 1500000'
curl -s -m 20 -o "$T/body" -X POST "$ADMIN/api/jobs/tick/run" &
asked=$!
await 10 ticked "$count"
kill -TERM "$keeper"
kill -TERM "$PID"
await 10 workers_are 0
order
ended 10 0
wait "$asked" || true
