#!/bin/bash
# Goal: a reload whose migration would work but whose statements do not leaves
# database and server as they were.
. "$(dirname "$0")/lib.sh"

make_app
start -w 1
cat >"$T/app/schema/002_rename.sql" <<'SQL'
ALTER TABLE items RENAME COLUMN size TO weight;
SQL
kill -HUP "$PID"
await 10 logged 'Reload failed'
logged 'items.sql:[0-9]+: .*size' || fail "the log does not name the place"
expect 200 GET /items/1
json '$.size' 10
[ "$(sqlite3 "$T/app/live.db" 'SELECT count(*) FROM prong_migrations')" = 1 ] ||
    fail "the migration was applied"

rm "$T/app/schema/002_rename.sql"
kill -HUP "$PID"
await 10 logged 'Hang up' 2
await 10 logged 'Worker exiting' 2
expect 200 GET /items/1
stop
