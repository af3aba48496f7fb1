#!/bin/bash
# Goal: under writers the database becomes read-only, is moved away and comes
# back, is deleted and another one takes its place, and is replaced by another
# one: each time writes are refused with a clear answer or go to the one file
# or the other, the server says "not ready" while it is not, and goes on
# without a restart. No acknowledged row is lost, and none is there twice.
# Readers that never finish by themselves do not stop writers, and the WAL is
# short again after them.
. "$(dirname "$0")/lib.sh"
. "$here/writes.sh"

unexpected+='|CRITICAL'
make_rows
cat >"$T/app/api/forever.sql" <<'SQL'
-- GET /rows/forever
-- @timeout 300ms
-- @one
WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c)
SELECT count(*) AS n, (SELECT max(id) FROM rows) AS last FROM c;
SQL

all_ready() { # STATUS: so many times in a row that each worker was asked
    for _ in 1 2 3 4 5 6 7 8; do
        [ "$(curl -s -o /dev/null -w '%{http_code}' "$URL/ready")" = "$1" ] ||
            return 1
    done
}

# While it is away: each answer says so, and nothing is made in its place.
refused() {
    sleep 1.1 # each worker looks at the file once a second
    await 10 all_ready 503
    answered_more 503 20
    expect 503 POST /rows --json '{"token": "-", "body": "-"}'
    header retry-after '[0-9]+'
    expect 503 GET /rows/last
    expect 503 GET /ready
    expect 200 GET /live
}

well_again() {
    await 10 all_ready 200
    acknowledged_more 20
    write_end
}

# all_moved COUNT: each worker, and the keeper, has the new file open, and what
# was in the former WAL is in the former file.
all_moved() {
    all_ready 200 && logged 'was opened again' "$1"
}

opened() {
    grep -c 'was opened again' "$T/log" || true
}

# another FILE: a good database of the app, without a row.
another() {
    sqlite3 "$DB" "VACUUM INTO '$1'"
    sqlite3 "$1" 'DELETE FROM rows; PRAGMA journal_mode=WAL' >"$T/out"
    rm -f "$1"-*
}

start -w 4 --wal-autocheckpoint 100 --journal-size-limit 1M
await 10 workers_are 4

# ---- read-only

# Who has a file open may go on to write to it, whatever its mode; but not to
# one that is immutable (ext4 and others; not tmpfs).
thaw() {
    chattr -i "$DB" "$DB-wal" "$T/probe" 2>/dev/null || true
}
trap 'code=$?; trap - ERR; set +e; thaw; (exit $code); clean_up' EXIT

can_freeze() {
    exec 5>>"$T/probe"
    chattr +i "$T/probe" 2>/dev/null && ! echo probe 2>/dev/null >&5
}

if can_freeze; then
    write_begin 8
    acknowledged_more 50
    chattr +i "$DB" "$DB-wal"
    refused
    logged 'Not ready: database .*: this user may not write it' ||
        fail "the log does not say why"
    thaw
    well_again
    check_rows
else
    echo "no open file can be made read-only here"
fi
exec 5>&-

# ---- away, and back

write_begin 8
acknowledged_more 50
mv "$DB" "$T/app/away.db"
refused
logged 'Not ready: database .*: the file is gone' ||
    fail "the log does not say why"
[ ! -e "$DB" ] || fail "an empty database was made"
mv "$T/app/away.db" "$DB"
well_again
check_rows

# ---- deleted, and another one in its place

another "$T/app/other.db"
before=("$T/app/first.db")
ln "$DB" "${before[0]}" # to see what was in it
write_begin 8
acknowledged_more 50
rm "$DB"
refused
goal=$(($(opened) + 5))
mv "$T/app/other.db" "$DB"
well_again
await 10 all_moved "$goal"
check_rows_in "$DB" "${before[@]}"
[ "$(sqlite3 "$DB" 'SELECT count(*) > 0 FROM rows')" = 1 ] ||
    fail "no row is in the new one"

# ---- replaced

another "$T/app/other.db"
before+=("$T/app/second.db")
ln "$DB" "${before[1]}"
write_begin 8
acknowledged_more 50
goal=$(($(opened) + 5))
mv "$T/app/other.db" "$DB"
await 10 all_moved "$goal"
well_again
check_rows_in "$DB" "${before[@]}"

# ---- readers that never finish

# The frames in the WAL: a word of its index (sqlite.org/walformat.html, 2.2).
frames() {
    od -A n -t u4 -j 16 -N 4 "$DB-shm" | tr -d ' '
}

is_short() {
    [ "$(frames)" -le 1000 ]
}

read_on() { # several at once, so that there always is one
    python3 - <<'PY'
from client import same
from pinned import connections, workers
import threading


def read(c):
    for _ in range(8):
        same(c.get("/rows/forever").status, 504, "its deadline")


made = [c for w in workers() for c in connections(w, 1, "/rows/last")]
readers = [threading.Thread(target=read, args=(c,)) for c in made]
for r in readers:
    r.start()
for r in readers:
    r.join()
PY
}
refusals=$(answered 503)
write_begin 4
acknowledged_more 50
read_on
echo "$(frames) frames beside readers that overlap"
acknowledged_more 50
await 20 is_short
write_end
[ "$(answered 503)" = "$refusals" ] || fail "writes were refused"
stop
check_rows_in "$DB" "${before[@]}"
left=$(find "$T/app" -name '*.former-*')
[ -z "$left" ] || fail "what belongs to a former database is left: $left"
for status in "$T/said"/*; do
    case ${status##*/} in
    201 | 500 | 503 | sent | over) ;;
    *) fail "answers ${status##*/}: $(head -n 3 "$status")" ;;
    esac
done
