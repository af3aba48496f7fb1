#!/bin/bash
# Goal: a database file that is replaced under the server is picked up by
# every worker; one that is deleted makes it "not ready" and 503, until it is
# there again; nothing is ever answered from a file that is gone.
. "$(dirname "$0")/lib.sh"

make_app
start -w 2
expect 200 GET /items/1
sqlite3 "$T/app/live.db" "VACUUM INTO '$T/other.db'"
sqlite3 "$T/other.db" "UPDATE items SET name = 'other ' || id"
mv "$T/other.db" "$T/app/live.db"
all_say() { # TEXT: so many times in a row that each worker was asked
    for _ in 1 2 3 4 5 6 7 8; do
        curl -s "$URL/items/1" | grep -q "$1" || return 1
    done
}
await 10 all_say 'other 1'
expect 201 POST /items --json '{"name": "new here"}'
[ "$(sqlite3 "$T/app/live.db" "SELECT count(*) FROM items
    WHERE name = 'new here'")" = 1 ] || fail "written to another file"

sqlite3 "$T/app/live.db" 'PRAGMA wal_checkpoint(TRUNCATE)' >"$T/out"
mv "$T/app/live.db" "$T/away.db"
rm -f "$T"/app/live.db-*
not_ready() { # so many times in a row that each worker was asked
    for _ in 1 2 3 4 5 6 7 8; do
        [ "$(curl -s -o /dev/null -w '%{http_code}' "$URL/ready")" = 503 ] ||
            return 1
    done
}
await 10 not_ready
expect 503 GET /items/1
header retry-after '[0-9]+'
expect 503 GET /ready
expect 200 GET /live
expect 200 GET /api/health
[ ! -e "$T/app/live.db" ] || fail "an empty database was made"
mv "$T/away.db" "$T/app/live.db"
await 10 all_say 'other 1'
await 10 is_ready
stop

# Replaced in the very moment of a stop: the next start finds it whole.
rm -f "$T/other.db"
start -w 2
expect 201 POST /items --json '{"name": "only in the old one"}'
sqlite3 "$T/app/live.db" "VACUUM INTO '$T/other.db'"
sqlite3 "$T/other.db" "UPDATE items SET name = 'third ' || id"
expect 201 POST /items --json '{"name": "and one more"}'
mv "$T/other.db" "$T/app/live.db"
stop
start -w 2
all_say 'third 1' || fail "the former database's commits came along"
[ "$(sqlite3 "$T/app/live.db" 'PRAGMA integrity_check')" = ok ] ||
    fail "the new database is damaged"
stop
