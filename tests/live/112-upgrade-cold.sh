#!/bin/bash
# Goal: a new master whose segment would be another one (--cache-size) starts
# cold and says so; a former master that is killed promotes the new one, and
# what its workers had is free again; sockets and their files stay.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/cache.sh"
. "$(dirname "$0")/upgrade.sh"

on_socket() {
    curl -s -m 5 --unix-socket "$T/socket" http://x/items/1 | grep -q '"id":1'
}

# What the operators' page says of workers: their number.
workers_shown() {
    operator GET /api/monitoring/metrics
    [ "$(sqlite3 :memory: "SELECT count(*) FROM json_each(CAST(readfile(
        '$T/page') AS TEXT), '$.workers')")" = "$1" ]
}

prepare
conf=$T/prong.conf
echo 'cache_size = 4M' >"$conf"
start_upgradable -w 2 -c "$conf" -b "unix:$T/socket"
await 10 workers_are 2
get "$missed" /chart
get "$hit" /chart
on_socket || fail "not on the unix socket"

# The former one is killed. Its socket file is the new one's now.
upgrade
keepers_are 1 || fail "two keepers"
kill -KILL "$PID"
await 10 is_promoted
PID=$SECOND
on_socket || fail "the unix socket went with the former master"
await 10 keepers_are 1
await 10 workers_shown 2
get "$hit" /chart

# Another size: cold, and one keeper all the time.
echo 'cache_size = 8M' >"$conf"
upgrade
logged 'Starting cold, with a segment of our own: cache: [0-9]+ bytes, not' ||
    fail "it does not say so"
keepers_are 1 || fail "two keepers"
retire TERM
await 10 keepers_are 1
on_socket || fail "the unix socket went with the former master"
get "$missed" /chart
get "$hit" /chart
leave
[ ! -e "$T/socket" ] || fail "the last one leaves its socket file"
! ls "$T"/pid* >"$T/out" 2>&1 || fail "left behind: $(cat "$T/out")"
