#!/bin/bash
# Goal: migrations run once, also when many workers start together; a new one
# is applied by a reload; --demo fills only a database that is new; a changed
# one is refused.
. "$(dirname "$0")/lib.sh"

make_app
cat >"$T/app/demo.sql" <<'SQL'
INSERT INTO items (id, name) VALUES (1000, 'demo');
SQL
count() { # SQL VALUE
    local got
    got=$(sqlite3 "$T/app/live.db" "$1")
    [ "$got" = "$2" ] || fail "$1: $got, not $2"
}
start -w 8 --demo
await 10 workers_are 8
count 'SELECT count(*) FROM prong_migrations' 1
count 'SELECT count(*) FROM items' 51
stop
start -w 2 --demo
count 'SELECT count(*) FROM items' 51

echo 'ALTER TABLE items ADD COLUMN colour TEXT;' >"$T/app/schema/002_colour.sql"
printf -- '-- GET /colours\nSELECT colour FROM items;\n' >"$T/app/api/colour.sql"
kill -HUP "$PID"
has_colours() {
    curl -sf "$URL/colours"
}
await 10 has_colours
count 'SELECT count(*) FROM prong_migrations' 2
expect 200 GET /items/1
stop

echo '-- changed' >>"$T/app/schema/001_items.sql"
launch -w 1 "$T/app"
ended 20 '[34]'
logged '001_items\.sql' || fail "the changed migration is not named"
