#!/bin/bash
# Goal: TTIN and TTOU change the number of workers, never below one; WINCH
# retires all and HUP brings them back; workers ignore HUP.
. "$(dirname "$0")/lib.sh"

make_app
start -w 2
await 10 workers_are 2
kill -TTIN "$PID"
await 10 workers_are 3
kill -TTIN "$PID"
await 10 workers_are 4
expect 200 GET /items/1
for left in 3 2 1; do
    kill -TTOU "$PID"
    await 10 workers_are "$left"
done
kill -TTOU "$PID"
await 10 logged 'Handling signal: ttou' 4
workers_are 1 || fail "the last worker was taken"
expect 200 GET /items/1

before=$(workers)
kill -HUP "$before"
kill -USR2 "$before"
expect 200 GET /items/1
[ "$(workers)" = "$before" ] || fail "a worker heeded HUP or USR2"

kill -WINCH "$PID"
await 10 workers_are 0
logged 'graceful stop of workers' || fail "WINCH is not logged"
kill -0 "$PID" || fail "WINCH ended the master"
kill -HUP "$PID"
await 10 workers_are 2
await 10 is_ready
expect 200 GET /items/1
stop
