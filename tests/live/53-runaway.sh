#!/bin/bash
# Goal: a query that never ends is stopped at its time with 504; the worker,
# its connection and its prepared statements live on.
. "$(dirname "$0")/lib.sh"

make_app
start -w 1 --timeout 2
worker=$(workers)
for _ in 1 2 3; do
    begin=${EPOCHREALTIME/./}
    expect 504 GET /forever
    took=$(((${EPOCHREALTIME/./} - begin) / 1000))
    [ "$took" -ge 250 ] || fail "stopped after $took ms"
    [ "$took" -le 2000 ] || fail "stopped only after $took ms"
    expect 200 GET /items/1
    expect 201 POST /items --json "{\"name\": \"after $took $RANDOM\"}"
done
[ "$(workers)" = "$worker" ] || fail "the worker was replaced"
await 5 logged 'GET /forever' # a slow query is named
stop
