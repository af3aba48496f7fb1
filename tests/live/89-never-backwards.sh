#!/bin/bash
# Goal: no counter runs backwards and no answer is forgotten, on the page of
# metrics or in Prometheus' text, while workers are killed, the app is
# reloaded, and workers come and go.
. "$(dirname "$0")/lib.sh"
. "$here/operators.sh"

unexpected='runtime error|Assertion' # workers are killed on purpose
make_app
cat >"$T/app/api/kept.sql" <<'SQL'
-- GET /kept/{id}
-- @param id integer
-- @cache 1h
SELECT id, name FROM items WHERE id <= :id ORDER BY id;
SQL
start_admin -w 3 --keep-alive 60
await 10 workers_are 3
python3 "$here/never_backwards.py" "$T/over" >"$T/out" 2>&1 &
watcher=$!
await 10 test -s "$T/over.begun"

kills=0
strike() {
    local victim
    victim=$(workers | shuf -n 1)
    kill -KILL "$victim"
    kills=$((kills + 1))
    await 10 workers_but "$victim" "$1"
}
reloaded() {
    logged 'Hang up: Master' "$1" && workers_are 3 &&
        [ "$(comm -12 <(echo "$2") <(workers))" = '' ]
}
for round in 1 2; do
    strike 3
    strike 3
    kill -TTIN "$PID"
    await 10 workers_are 4
    strike 4
    kill -TTOU "$PID"
    await 20 workers_are 3
    before=$(workers)
    kill -HUP "$PID"
    await 20 reloaded "$round" "$before"
done
kill -KILL "$(keeper)"
echo "$kills" >"$T/over"
wait "$watcher" || fail "$(cat "$T/out")"
cat "$T/out"

# Each slot remembers its crashes; and nobody is in quarantine, because whoever
# was killed was at fast requests.
total=$(curl -s "$ADMIN/metrics" |
    awk '/^prong_worker_crashes_total/ { n += $2 } END { print n }')
[ "$total" -eq "$kills" ] || fail "$total crashes of all slots, not $kills"
! logged quarantined || fail "an endpoint was blamed"
stop
