#!/bin/bash
# Goal: workers that die before they are ready are tried again after 1, 2, 4
# seconds, not at once and for ever; when the cause is gone they serve.
. "$(dirname "$0")/lib.sh"

# The leak check of sanitizers wants descriptors, too, and says so.
unexpected='runtime error|Assertion|AddressSanitizer'
make_app
start -w 1
limit=$(ulimit -Hn)
# Too few descriptors for a worker's loop; the master needs no new ones.
prlimit --pid "$PID" --nofile="4:$limit"
kill -KILL "$(workers)"
await 20 logged 'next try in 1 s'
await 20 logged 'next try in 2 s'
await 20 logged 'next try in 4 s'
prlimit --pid "$PID" --nofile="$limit:$limit"
kill -0 "$PID" || fail "the master gave up"
[ "$(grep -c 'Booting worker' "$T/log")" -le 5 ] || fail "too many tries"
await 20 is_ready
expect 200 GET /items/1

# A life that was ready forgives: the next death is mended at once,
# long before the 8 s that would be next.
kill -KILL "$(workers)"
await 4 is_ready
stop
