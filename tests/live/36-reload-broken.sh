#!/bin/bash
# Goal: a reload of an app that is wrong changes nothing: the old workers
# serve on, the log names file and line; a good one is taken afterwards.
. "$(dirname "$0")/lib.sh"

make_app
start -w 2
await 10 workers_are 2
before=$(workers)
reload_fails() { # FILE REGEX: with this text in that file
    local reports
    reports=$(grep -c 'Reload failed' "$T/log") || true
    cat >"$T/app/$1"
    kill -HUP "$PID"
    await 10 logged 'Reload failed' $((reports + 1))
    logged "$2" || fail "no '$2' in the log"
    expect 200 GET /items/1
    rm "$T/app/$1"
}
# Wrong in its annotations: the master sees it.
reload_fails api/new.sql 'api/new\.sql:3: ' <<'SQL'
-- GET /new
-- @one
-- @nonsense
SELECT 1 AS one;
SQL
# Wrong in its SQL: the first new worker sees it.
reload_fails api/new.sql 'api/new\.sql:[45]: .*no_such_table' <<'SQL'
-- GET /new
-- @one

SELECT *
  FROM no_such_table;
SQL
reload_fails api/new.sql 'api/new\.sql:[12]: .*writes' <<'SQL'
-- GET /new
DELETE FROM items;
SQL
reload_fails schema/002_bad.sql 'schema/002_bad\.sql:2: ' <<'SQL'
CREATE TABLE fine (x);
CREATE TABLE items (x);
SQL
[ "$(workers)" = "$before" ] || fail "old workers were replaced"
[ "$(sqlite3 "$T/app/live.db" "SELECT count(*) FROM sqlite_schema
    WHERE name = 'fine'")" = 0 ] || fail "a failed migration left something"

printf -- '-- GET /new\n-- @one\nSELECT 7 AS seven;\n' >"$T/app/api/new.sql"
kill -HUP "$PID"
new_answers() {
    curl -s "$URL/new" | grep -q '"seven":7'
}
await 10 new_answers
await 10 workers_are 2
stop
