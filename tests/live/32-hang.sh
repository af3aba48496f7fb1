#!/bin/bash
# Goal: a worker without a sign of life for --timeout seconds is aborted, then
# killed, and replaced; one that is merely busy or idle is not.
. "$(dirname "$0")/lib.sh"

unexpected='runtime error|Assertion' # it is aborted on purpose
make_app
start -w 1 --timeout 2
stopped=$(workers)
kill -STOP "$stopped"
start_us=${EPOCHREALTIME/./}
await 15 logged "\[CRITICAL\] WORKER TIMEOUT \(pid:$stopped\)"
waited=$(((${EPOCHREALTIME/./} - start_us) / 1000))
[ "$waited" -ge 900 ] || fail "aborted after $waited ms"
await 10 gone "$stopped"
await 10 is_ready
expect 200 GET /items/1

# Long SQL is not silence, and neither is having nothing to do.
busy=$(workers)
expect 200 GET '/work?n=10000000'
sleep 3 # longer than --timeout: there is no event to wait for
[ "$(workers)" = "$busy" ] || fail "a busy or idle worker was replaced"
stop
