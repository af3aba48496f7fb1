#!/bin/bash
# Goal: when a worker breaks, is killed or is stopped, the log says what it
# was answering; an endpoint of which three workers died answers 503 until the
# next reload, and only that one; chance deaths are held against nobody.
. "$(dirname "$0")/lib.sh"
. "$here/operators.sh"

unexpected='runtime error|Assertion' # workers are killed on purpose
# A sanitizer would make an exit code of a signal.
export ASAN_OPTIONS=${ASAN_OPTIONS:+$ASAN_OPTIONS:}handle_segv=0:handle_abort=0
make_app

# ---- killed by chance: idle, or at what has just begun

start_admin -w 1
next_worker() {
    workers_but "$victim" 1 && is_ready
}
# Has it computed for 50 ms?
is_busy() {
    [ "$(awk '{ print $14 }' "/proc/$victim/stat")" -ge $((ticks + 5)) ]
}
for _ in 1 2 3 4; do
    victim=$(workers)
    expect 200 GET '/work?n=10'
    kill -KILL "$victim"
    await 10 next_worker
    victim=$(workers)
    ticks=$(awk '{ print $14 }' "/proc/$victim/stat")
    curl -s -m 60 -o /dev/null "$URL/work?n=100000000" &
    client=$!
    await 10 is_busy
    kill -KILL "$victim"
    wait "$client" && fail "an answer from the dead"
    await 10 next_worker
done
logged 'was answering GET /work .* for 0\.' 4 || fail "no reports"
expect 200 GET '/work?n=10'
! logged quarantined || fail "chance was held against an endpoint"
stop

# ---- three deaths that are its own

start_admin -w 2 --timeout 2 --log-level debug
await 10 workers_are 2
at_work() { # ID: the request is at its SQL
    shows "/api/monitoring/requests/$1" '$.phase' sql
}
# send_long ID: a long request, at which $victim is for $client.
send_long() {
    curl -s -m 60 -o /dev/null -H "X-Request-ID: $1" \
        "$URL/work?n=100000000" &
    client=$!
    await 10 at_work "$1"
    victim=$(value "/api/monitoring/requests/$1" '$.pid')
}
# report ID: what the master said about the request at which $victim died.
report() {
    sed -n "s/.*Worker (pid:$victim) was answering //p" "$T/log" |
        grep "request $1,"
}
died() { # ID SECONDS: it says where, and for at least how long
    local line
    await 10 report "$1"
    line=$(report "$1")
    [[ $line =~ ^'GET /work (endpoint /work, request '$1', in phase sql, statement 1, for '([0-9.]+)' s), peak memory '([0-9]+)' MB'$ ]] ||
        fail "the report is: $line"
    awk "BEGIN { exit !(${BASH_REMATCH[1]} >= $2 && ${BASH_REMATCH[1]} < 30) }" ||
        fail "for ${BASH_REMATCH[1]} s: $line"
    [ "${BASH_REMATCH[2]}" -ge 1 ] || fail "no peak memory: $line"
}
# Has it been at work for more than a second?
is_old() {
    [ "$(value "/api/monitoring/requests/$1" '$.duration_ms' |
        cut -d. -f1)" -gt 1100 ]
}

send_long broke
kill -SEGV "$victim"
wait "$client" && fail "an answer from the dead"
died broke 0.001
await 10 logged "Worker \(pid:$victim\) was sent SIGSEGV"
await 10 workers_but "$victim" 2
logged "Worker \(pid:$victim\), 1\. last request: GET /work \(request broke\)" ||
    fail "the last requests are not in the debug log"

send_long killed
await 10 is_old killed
kill -KILL "$victim"
wait "$client" && fail "an answer from the dead"
died killed 1.1
await 10 logged "Worker \(pid:$victim\) was sent SIGKILL"
await 10 workers_but "$victim" 2
expect 200 GET '/work?n=10'
! logged quarantined || fail "two deaths were enough"

send_long silent
kill -STOP "$victim"
await 10 logged "\[CRITICAL\] WORKER TIMEOUT \(pid:$victim\)"
await 10 logged "\[CRITICAL\].*\(pid:$victim\) is answering GET /work .*request silent"
wait "$client" && fail "an answer from the dead"
died silent 2
await 10 workers_but "$victim" 2
! logged quarantined || fail "an endpoint answers for one that was stopped"

send_long third
await 10 is_old third
kill -KILL "$victim"
wait "$client" && fail "an answer from the dead"
await 10 workers_but "$victim" 2

await 10 logged '\[ERROR\] GET /work is quarantined: 3 workers died of it within 60 s'
expect 503 GET '/work?n=10'
json '$.detail' 'This endpoint is closed until the app is loaded again'
expect 503 GET '/work?n=11'
expect 200 GET /items/1
expect 504 GET /forever
expect 200 GET /ready
sort -u <(workers) >"$T/before"

# ---- a reload opens it again, with a clean slate

kill -HUP "$PID"
opened() {
    [ "$(curl -s -m 5 -o /dev/null -w '%{http_code}' "$URL/work?n=10")" = 200 ]
}
await 20 opened
exchanged() {
    workers_are 2 && [ -z "$(comm -12 "$T/before" <(sort -u <(workers)))" ]
}
await 20 exchanged
for i in 1 2; do
    send_long "again-$i"
    kill -SEGV "$victim"
    wait "$client" && fail "an answer from the dead"
    await 10 workers_but "$victim" 2
done
expect 200 GET '/work?n=10'
[ "$(grep -ac quarantined "$T/log")" -eq 1 ] || fail "the old deaths still count"
stop
