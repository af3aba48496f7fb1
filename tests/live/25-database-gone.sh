#!/bin/bash
# Goal: a database that is gone is an accident, not a new start: neither a new
# worker nor a reload makes an empty one in its place.
. "$(dirname "$0")/lib.sh"

make_app
start -w 1
answers() { # STATUS
    [ "$(curl -s -o /dev/null -w '%{http_code}' "$URL/items")" = "$1" ]
}
mv "$T/app/live.db" "$T/aside.db"
await 5 answers 503
kill -HUP "$PID"
await 10 logged 'Reload failed'
kill -KILL "$(workers | head -n 1)"
sleep 1.5 # a first try of a new worker, and its back-off
[ ! -e "$T/app/live.db" ] || fail "an empty database was made"
mv "$T/aside.db" "$T/app/live.db"
await 10 answers 200
stop
