#!/bin/bash
# Goal: whoever is killed at whatever moment (workers, the keeper, the master,
# all of them at once) or stands still for a while: every acknowledged row is
# there, once, a key has one row however often it was sent, the database is
# whole, and writes go on within seconds.
#
# KILL_ROUNDS=60 for more kills; the first six are one of each kind.
. "$(dirname "$0")/lib.sh"
. "$here/writes.sh"

unexpected='runtime error|Assertion' # all are killed on purpose
make_rows

serve() {
    start -w 4 --wal-autocheckpoint $((RANDOM % 3 * 500 + 20))
    await 10 workers_are 4
}

keeper_but() { # PID
    [ -n "$(keeper)" ] && [ "$(keeper)" != "$1" ]
}

# Of those who die the log says something else than of those who leave.
strike_worker() {
    kill -KILL "$(workers | shuf -n 1)" 2>/dev/null || true
}

strike_two() {
    # shellcheck disable=SC2046  # two words
    kill -KILL $(workers | shuf -n 2) 2>/dev/null || true
}

strike_keeper() {
    local victim
    await 10 keeper_but 0
    victim=$(keeper)
    kill -KILL "$victim"
    await 10 keeper_but "$victim"
}

strike_master() {
    kill -KILL "$PID"
    wait "$PID" 2>/dev/null || true
    await 20 nobody_in "$PID"
    serve
}

strike_all() {
    kill_tree
    serve
    check_rows # beside the writers
}

strike_still() {
    local victim
    victim=$(workers | shuf -n 1)
    kill -STOP "$victim"
    sleep 0.3
    kill -CONT "$victim"
}

kinds() { # endlessly; the first of each kind come first
    while shuf -e worker two keeper master all still; do :; done
}

serve
write_begin 8 keyed
rounds=${KILL_ROUNDS:-6} round=0
while [ "$round" -lt "$rounds" ] && read -r kind; do
    round=$((round + 1))
    acknowledged_more 50
    sleep "0.0$((RANDOM % 100))"
    "strike_$kind"
    acknowledged_more 10
    echo "$round: $kind, $(acknowledged) acknowledged"
done < <(kinds 2>/dev/null)
write_end
check_rows
await 10 workers_are 4
stop
check_rows
for status in "$T/said"/*; do
    case ${status##*/} in
    201 | sent | over | again-0 | 503 | again-503) ;;
    *) fail "answers ${status##*/}: $(head -n 3 "$status")" ;;
    esac
done
