#!/bin/bash
# Goal: a request whose statement outlasts the grace of a worker that stops is
# told so, with 503 and when to ask again: with several threads, with one, and
# when it writes; what it wrote is not there.
. "$(dirname "$0")/lib.sh"

make_app
cat >"$T/app/api/endless.sql" <<'X'
-- GET /endless
-- @timeout 60s
-- @value
WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c)
SELECT count(*) AS n FROM c;

-- POST /endless
-- @auth public
-- @timeout 60s
WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c)
INSERT INTO items (name) SELECT 'endless ' || x FROM c;
X

under_way() { # COUNT
    "$prong" ctl "$T/app" requests >"$T/out" 2>&1 &&
        [ "$(grep -c ' sql 1 .*/endless$' "$T/out")" -eq "$1" ]
}
# behind NAME METHOD
behind() {
    curl -s -m 20 -X "$2" -D "$T/head.$1" -o "$T/body.$1" "$URL/endless" &
    clients+=("$!")
}
# told NAME: that the worker stops.
told() {
    cp "$T/head.$1" "$T/head"
    cp "$T/body.$1" "$T/body"
    grep -q '^HTTP/1.1 503' "$T/head" || fail "$1: $(head -n 1 "$T/head")"
    header retry-after 1
    json '$.detail' \
        'The worker is stopping, and has ended the query; try again'
}

for threads in 4 1; do
    start -w 2 --threads "$threads" --graceful-timeout 1
    await 10 workers_are 2
    clients=()
    behind read GET
    await 5 under_way 1 # with one thread that worker takes no other now
    behind write POST
    await 5 under_way 2
    kill -TERM "$PID"
    ended 10 0
    wait "${clients[@]}" || fail "no answer"
    told read
    told write
    ! logged 'graceful timeout' || fail "a worker had to be killed"
done
[ "$(sqlite3 "$T/app/live.db" \
    "SELECT count(*) FROM items WHERE name LIKE 'endless%'")" = 0 ] ||
    fail "half a write"
