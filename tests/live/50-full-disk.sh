#!/bin/bash
# Goal: when the disk is full a write is 507, reads go on, nothing is torn,
# and after there is room again writes succeed.
. "$(dirname "$0")/lib.sh"

mkdir "$T/disk"
mount -t tmpfs -o size=1m prong "$T/disk" 2>/dev/null || skip "a small disk"
make_app
start -w 1 --database "$T/disk/live.db" --access-logfile "$T/disk/access.log"
expect 201 POST /items --json '{"name": "before"}'
dd if=/dev/zero of="$T/disk/filler" bs=4k 2>/dev/null || true
full() {
    [ "$(curl -s -m 10 -o "$T/body" -w '%{http_code}' "$URL/items" \
        --json "{\"name\": \"more $RANDOM$RANDOM\"}")" = 507 ]
}
await 10 full
expect 507 POST /items --json '{"name": "one too many"}'
expect 200 GET /items/1
expect 200 GET '/items?limit=100'
rm "$T/disk/filler"
expect 201 POST /items --json '{"name": "after"}'
[ "$(sqlite3 "$T/disk/live.db" 'PRAGMA integrity_check')" = ok ] ||
    fail "the database is damaged"
[ "$(sqlite3 "$T/disk/live.db" "SELECT count(*) FROM items
    WHERE name IN ('before', 'after')")" = 2 ] || fail "a write was lost"
stop
