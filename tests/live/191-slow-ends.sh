#!/bin/bash
# Goal: what becomes of long statements. An operator ends the one he names, and
# no other; a client that leaves in the middle harms nobody; when the worker is
# killed the log names all it was at; reload and stop wait for those that run.
. "$(dirname "$0")/lib.sh"
. "$here/operators.sh"

unexpected='runtime error|Assertion' # a worker is killed on purpose
make_app
cat >"$T/app/api/slow.sql" <<'SQL'
-- GET /endless
-- @slow
-- @timeout 60s
-- @value
WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c)
SELECT count(*) FROM c;

-- GET /lengthy
-- @param n integer
-- @timeout 60s
-- @value
WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c WHERE x < :n)
SELECT count(*) FROM c;

-- GET /another
-- @timeout 60s
-- @value
WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c)
SELECT count(*) FROM c;
SQL

declare -A client=()
# behind ID PATH: begins a request that takes long.
behind() {
    curl -s -m 60 -o /dev/null -w '%{http_code}' -H "X-Request-ID: $1" \
        "$URL$2" >"$T/status.$1" &
    client[$1]=$!
}

# became ID STATUS
became() {
    wait "${client[$1]}" || true
    [ "$(cat "$T/status.$1")" = "$2" ] ||
        fail "$1: $(cat "$T/status.$1"), not $2"
}

at_work() { # ID…: their statements run
    local id
    for id in "$@"; do
        shows "/api/monitoring/requests/$id" '$.phase' sql
    done
}

is_over() { # ID STATUS
    shows "/api/monitoring/requests/$1" '$.status' "$2"
}

unfinished() { # ID…
    local id
    for id in "$@"; do
        kill -0 "${client[$id]}" 2>/dev/null || fail "$id has ended"
    done
}

others() {
    expect 200 GET /items/1
    expect 201 POST /items --json "{\"name\": \"others $RANDOM $RANDOM\"}"
}

# ---- the one that is named

start_admin -w 1
victim=$(workers)
behind first /endless
behind second /endless
await 5 at_work first second
"$prong" ctl "$T/app" kill second >"$T/out" 2>&1 || fail "$(cat "$T/out")"
became second 503
others
unfinished first
"$prong" ctl "$T/app" kill second >"$T/out" 2>&1 && fail "ended twice"

# ---- a client that leaves

behind left /another
await 5 at_work left
kill "${client[left]}"
wait "${client[left]}" || true
others
unfinished first
await 5 is_over left 503 # long before its time
others
unfinished first
[ "$(workers)" = "$victim" ] || fail "the worker was replaced"

# ---- killed in the middle of two

behind third '/work?n=100000000'
await 5 at_work first third
kill -KILL "$victim"
became first 000
became third 000
await 5 logged "was answering .* request first, in phase sql, statement 1"
await 5 logged "was answering .* request third, in phase sql, statement 1"
await 10 is_ready
others

# ---- reload, stop

victim=$(workers)
behind fourth '/lengthy?n=5000000'
behind fifth '/lengthy?n=5000000'
await 5 at_work fourth fifth
kill -HUP "$PID"
renewed() {
    workers_but "$victim" 1
}
became fourth 200
became fifth 200
await 10 renewed
behind sixth '/lengthy?n=2500000'
await 5 at_work sixth
kill -TERM "$PID"
became sixth 200
ended 10 0
! logged 'in the middle of a statement' || fail "it was cut short"
