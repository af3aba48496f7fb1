#!/bin/bash
# Goal: no row that was acknowledged is lost by a power cut at any moment, and
# the database is whole: whether all that was not synced is gone, or any
# sectors of it are there. (What the disk holds is modelled, see
# tests/faults/faults.c.)
#
# CUT_ROUNDS=50 for more rounds; CUT_DURABILITY=normal shows the check fail.
. "$(dirname "$0")/lib.sh"
. "$here/faults.sh"

unexpected='runtime error|Assertion' # all are killed on purpose
modes=(lost torn)
make_rows

grown() {
    [ "$(acknowledged)" -gt "$1" ]
}

load() { # until the cut
    local before
    before=$(acknowledged)
    python3 "$here/power_cut.py" load "$round" "$T/said" &
    writers=$!
    await 20 grown "$before"
    sleep "$((1 + RANDOM % 10))e-1"
}

for ((round = 1; round <= ${CUT_ROUNDS:-3}; round++)); do
    # Slow syncs are the keeper's, fast ones the workers'; checkpoints come
    # all the time, or few.
    order "sync-delay wal $((RANDOM % 3 * 2000))"
    start_on_disk -w 4 --wal-autocheckpoint $((RANDOM % 3 * 500 + 20)) \
        --durability "${CUT_DURABILITY:-full}"
    load
    cut
    wait "$writers" || fail "the writers"
    leave "${modes[round % 2]}"
    order
    start_on_disk -w 2
    check_rows
    accepted "$round.after"
    stop
done
check_rows
