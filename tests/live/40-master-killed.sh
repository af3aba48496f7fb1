#!/bin/bash
# Goal: when the master is killed its workers notice and leave, so that no
# orphan holds the socket.
. "$(dirname "$0")/lib.sh"

make_app
start -w 3
await 10 workers_are 3
all=$(workers)
kill -KILL "$PID"
for worker in $all; do
    await 10 gone "$worker"
done
! curl -s -m 2 "$URL/live" || fail "somebody still listens"
