#!/bin/bash
# Goal: a reload drops the answers of endpoints that changed and no others;
# what is kept and what was counted survives reloads, and workers that are
# killed; a migration at a reload is seen at once.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/cache.sh"

make_app
endpoint() { # NAME SQL DIRECTIVE…: writes one with @cache
    printf -- '-- GET /%s\n-- @cache 1h\n' "$1"
    [ $# -lt 3 ] || printf -- '-- %s\n' "${@:3}"
    printf '%s\n' "$2;"
}
endpoint steady 'SELECT id, name FROM items WHERE id < 4' >"$T/app/api/a.sql"
endpoint changing "SELECT 'first' AS said FROM items LIMIT 1" \
    >"$T/app/api/b.sql"
endpoint headed 'SELECT count(*) AS n FROM items' '@http public, max-age=1' \
    >"$T/app/api/c.sql"
endpoint lost 'SELECT min(name) AS n FROM items' >"$T/app/api/d.sql"
start_cached -w 3
for path in steady changing headed lost; do
    get "$missed" "/$path"
    get "$hit" "/$path"
done
all() { # PATTERN PATH [TEXT]: what all workers say
    for _ in {1..9}; do
        get "$1" "$2"
        grep -q "${3-}" "$T/body" || fail "$2 does not say $3: $(cat "$T/body")"
    done
}
reload() { # the new generation's workers only, when it returns
    local before=$1
    kill -HUP "$PID"
    await 20 replaced "$before"
}
replaced() {
    workers_are 3 && ! workers | grep -qFf <(tr ' ' '\n' <<<"$1")
}

# One is changed, one has another directive, one is gone, one is new.
endpoint changing "SELECT 'second' AS said FROM items LIMIT 1" \
    >"$T/app/api/b.sql"
endpoint headed 'SELECT count(*) AS n FROM items' '@http public, max-age=2' \
    >"$T/app/api/c.sql"
endpoint added 'SELECT max(name) AS n FROM items' >"$T/app/api/d.sql"
counted=$(stat hits)
reload "$(workers | xargs)"
all "$hit" /steady 'item 1'
[ "$(queries 'GET /steady')" = 1 ] || fail "it was computed again"
get "$missed" /changing
json '$[0].said' second
get "$missed" /headed
header cache-control 'public, max-age=2'
get "$missed" /added
expect 404 GET /lost
all "$hit" /changing second
[ "$(stat hits)" -ge $((counted + 18)) ] || fail "hits were forgotten"

# Nothing is changed; then only a comment and the file's place.
reload "$(workers | xargs)"
all "$hit" /steady
all "$hit" /changing second
all "$hit" /headed
cat "$T/app/api/b.sql" >>"$T/app/api/a.sql"
rm "$T/app/api/b.sql"
reload "$(workers | xargs)"
all "$hit" /steady
all "$hit" /changing second

# One that does not load changes nothing.
echo '-- GET /broken' >"$T/app/api/e.sql"
kill -HUP "$PID"
await 10 logged 'e.sql:1'
all "$hit" /steady
rm "$T/app/api/e.sql"

# Every worker is killed.
counted=$(stat hits)
requests=$(operator GET /api/monitoring/metrics; page_value '$.requests')
before=$(workers | xargs)
for pid in $before; do kill -KILL "$pid"; done
await 20 replaced "$before"
await 10 is_ready
all "$hit" /steady
all "$hit" /headed
[ "$(queries 'GET /steady')" = 1 ] || fail "computed again after the kills"
[ "$(stat hits)" -ge $((counted + 18)) ] || fail "hits ran backwards"
operator GET /api/monitoring/metrics
[ "$(page_value '$.requests')" -ge $((requests + 18)) ] ||
    fail "requests ran backwards"
operator GET /metrics

# A migration at a reload: nobody shows what was before it.
cat >"$T/app/schema/002_names.sql" <<'SQL'
UPDATE items SET name = 'migrated ' || id;
ALTER TABLE items ADD COLUMN note TEXT DEFAULT 'new';
SQL
endpoint noted 'SELECT id, note FROM items WHERE id < 3' >"$T/app/api/f.sql"
python3 - <<'PY' &
from client import Connection, Closed, check
import json
import time

# From the moment that one worker shows it, all do.
seen = False
end = time.monotonic() + 15
while time.monotonic() < end:
    try:
        with Connection() as c:
            name = json.loads(c.get("/steady").body)[0]["name"]
            new = name == "migrated 1"
            check(new or not seen, f"{name} after the migration")
            seen = seen or new
            if c.get("/noted").status == 200 and seen:
                break
    except (Closed, ConnectionError):
        pass
check(seen, "the migration was not seen")
PY
watcher=$!
reload "$(workers | xargs)"
wait "$watcher" || fail "the migration was seen, and then not"
all '.*' /steady 'migrated 1'
all "$hit" /steady 'migrated 1'
expect 200 GET /noted
json '$[0].note' new
stop
