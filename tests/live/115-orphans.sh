#!/bin/bash
# Goal: what a master that was killed leaves behind holds nobody up. Keeper and
# workers that were stopped before go on and leave; one that is stopped after,
# with the turn to write, is killed by the next master, which says so.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/cache.sh"
. "$(dirname "$0")/upgrade.sh"

unexpected='runtime error|Assertion' # workers are killed on purpose
prepare
cat >"$T/app/api/lengthy.sql" <<'X'
-- POST /lengthy
-- @auth public
-- @timeout 60s
WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c)
INSERT INTO items (name) SELECT 'lengthy ' || x FROM c;
X

is_stopped() {
    grep -q '^State:.T' "/proc/$1/status"
}
# freeze PID
freeze() {
    kill -STOP "$1"
    await 5 is_stopped "$1"
}
write() {
    [ "$(curl -s -m 1 -o /dev/null -w '%{http_code}' --json \
        "{\"name\": \"orphans $RANDOM $RANDOM\"}" "$URL/items")" = 201 ]
}
writing() {
    "$prong" ctl "$T/app" workers >"$T/out" 2>&1 &&
        grep -q 'POST /lengthy$' "$T/out"
}

# Stopped while their master lived: a keeper, a worker.
start_upgradable -w 2 --graceful-timeout 20
old_keeper=$(keeper)
old_worker=$(workers | head -n 1)
upgrade
freeze "$old_keeper"
freeze "$old_worker"
kill -KILL "$PID"
await 5 gone "$old_keeper"
await 5 gone "$old_worker"
await 5 is_promoted
PID=$SECOND
await 5 write
await 5 keepers_are 1

# Stopped when it is dead, in the middle of a write.
curl -s -m 20 -X POST -o /dev/null "$URL/lengthy" &
client=$!
await 5 writing
pid=$(awk '/lengthy$/ { print $2 }' "$T/out")
upgrade
kill -KILL "$PID"
await 5 gone "$PID"
freeze "$pid"
await 5 gone "$pid"
await 5 logged "Worker \(pid:$pid\) of a former master is stopped, and others"
await 5 write
wait "$client" || true
PID=$SECOND
leave
