#!/bin/bash
# Goal: what others do to the database is seen by the next request, out of a
# warm cache, on every worker: writes of the sqlite3 shell, a backup restored
# over it, VACUUM; another file in its place within two seconds; and nothing is
# shown of a file that is gone.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/cache.sh"

make_app
cat >"$T/app/api/cached.sql" <<'SQL'
-- GET /chart
-- @cache 1h
SELECT id, name FROM items WHERE id <= 3 ORDER BY id;

-- GET /sizes
-- @cache 1h
-- @value
SELECT sum(size) FROM items;

-- PUT /chart/{id}
-- @auth public
-- @param name text required
UPDATE items SET name = :name WHERE id = :id;
SQL
start_cached -w 4
DATABASE=$T/app/live.db python3 "$here/cache_strangers.py"
[ "$(stat strangers)" -gt 10 ] || fail "strangers were not counted"

# Another file in its place, warm caches everywhere.
all_say() { # TEXT: so many times in a row that each worker was asked
    for _ in {1..12}; do
        curl -s "$URL/chart" | grep -q "$1" || return 1
    done
}
sqlite3 "$T/app/live.db" "VACUUM INTO '$T/other.db'"
sqlite3 "$T/other.db" "UPDATE items SET name = 'other ' || id"
expect 204 PUT /chart/1 --json '{"name": "former"}'
await 5 all_say former
began=${EPOCHREALTIME/./}
mv "$T/other.db" "$T/app/live.db"
await 5 all_say 'other 1'
[ $((${EPOCHREALTIME/./} - began)) -lt 4000000 ] || fail "it took too long"
get "$hit" /chart
expect 204 PUT /chart/1 --json '{"name": "written"}'
all_say written || fail "a write to the other file is not seen"
sqlite3 "$T/app/live.db" 'SELECT name FROM items' | grep -qx written ||
    fail "written to another file"
sqlite3 "$T/app/live.db" "UPDATE items SET name = 'by hand' WHERE id = 1"
all_say 'by hand' || fail "strangers are not noticed any more"

# None: a warm cache is no reason to show it.
all_refuse() {
    for _ in {1..12}; do
        [ "$(curl -s -o /dev/null -w '%{http_code}' "$URL/chart")" = 503 ] ||
            return 1
    done
}
sqlite3 "$T/app/live.db" 'PRAGMA wal_checkpoint(TRUNCATE)' >"$T/out"
mv "$T/app/live.db" "$T/away.db"
rm -f "$T"/app/live.db-*
await 5 all_refuse
expect 503 GET /chart
sqlite3 "$T/away.db" "UPDATE items SET name = 'while away' WHERE id = 1;
    PRAGMA wal_checkpoint(TRUNCATE)" >"$T/out"
mv "$T/away.db" "$T/app/live.db"
await 5 all_say 'while away'
get "$hit" /chart
stop
