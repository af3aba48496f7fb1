#!/bin/bash
# Goal: two binary upgrades in a row (USR2, TERM to the former master) under
# load cost no request; what was cached stays a hit, counters go on, there is
# one keeper, and the file that stands at the program's path is what runs.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/cache.sh"
. "$(dirname "$0")/upgrade.sh"

total() {
    operator GET /api/monitoring/metrics
    page_value '$.requests'
}

# served COUNT: so many more since the last time.
served() {
    [ "$(total)" -ge $((before + $1)) ] && before=$(total)
}

prepare
start_upgradable -w 2
get "$missed" /chart
before=$(total)
[ "$before" -ge 1 ] || fail "no requests are counted"
python3 "$here/upgrade_load.py" >"$T/load" 2>&1 &
load=$!
await 10 served 300

cp "$T/bin/prong" "$T/bin/prong.new"
mv "$T/bin/prong.new" "$T/bin/prong" # the old file is gone
upgrade
[ "/proc/$SECOND/exe" -ef "$T/bin/prong" ] ||
    fail "not the file that stands there now"
keepers_are 1 || fail "two keepers"
kill -USR2 "$PID"
kill -USR2 "$SECOND"
await 5 logged 'USR2 signal ignored. Child exists.'
await 5 logged 'USR2 signal ignored. Parent exists.'
await 10 served 300
retire TERM
await 5 keepers_are 1
get "$hit" /chart
await 10 served 300

upgrade
await 10 served 300
retire TERM
await 10 served 300
touch "$T/done"
wait "$load" || fail "the upgrade cost requests: $(cat "$T/load")"
cat "$T/load"
await 5 workers_of "$PID" 2
get "$hit" /chart
operator GET /api/monitoring/metrics
[ "$(page_value '$.workers[0].generation')" = 3 ] ||
    fail "generations are not numbered on"
logged 'Master has been promoted.' 2
! logged 'Starting cold' || fail "a cold start"
leave
