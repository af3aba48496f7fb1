#!/bin/bash
# Goal: after the logs were renamed USR1 makes the server write to new files;
# no line of the access log is lost.
. "$(dirname "$0")/lib.sh"

make_app
start -w 2 --access-logfile "$T/log.access" --error-logfile "$T/log.error"
await 10 workers_are 2
for i in $(seq 20); do expect 200 GET "/items/$i"; done
mv "$T/log.access" "$T/log.access.1"
mv "$T/log.error" "$T/log.error.1"
kill -USR1 "$PID"
both_exist() {
    [ -e "$T/log.access" ] && [ -e "$T/log.error" ]
}
await 10 both_exist
for i in $(seq 20); do expect 200 GET "/items/$i"; done
stop
grep -q 'Handling signal: usr1' "$T"/log.error* || fail "USR1 is not logged"
grep -q 'Shutting down' "$T/log.error" || fail "the new error log is not used"
lines=$(cat "$T/log.access" "$T/log.access.1" | grep -c '"GET /items/')
[ "$lines" -eq 40 ] || fail "$lines lines for 40 requests"
[ -s "$T/log.access" ] || fail "the new access log is empty"
