#!/bin/bash
# Goal: a disk that gets full under writers, in the middle of transactions or
# of a checkpoint, costs nothing but 507s: no acknowledged row is lost or torn,
# reads go on, and as soon as there is room writes do, without a restart. A
# server that is killed and started while the disk is full loses nothing.
. "$(dirname "$0")/lib.sh"
DB=$T/disk/live.db
. "$here/writes.sh"

unexpected='runtime error|Assertion' # all are killed on purpose
mkdir "$T/disk"
mount -t tmpfs -o size=32m prong "$T/disk" 2>/dev/null || skip "a small disk"
make_rows

fill() {
    dd if=/dev/zero of="$T/disk/filler" bs=64k 2>/dev/null || true
    dd if=/dev/zero of="$T/disk/filler.2" bs=4k 2>/dev/null || true
}

make_room() {
    rm -f "$T/disk"/filler*
}

no_worker_died() {
    [ "$(workers)" = "$1" ] || fail "workers: $(workers), not $1"
}

# full_and_back CHECKPOINT: fills the disk under writers, makes room again.
full_and_back() {
    local before
    before=$(workers)
    write_begin 8
    acknowledged_more 20
    fill
    answered_more 507 30
    for _ in 1 2 3 4; do expect 200 GET /rows/last; done
    is_ready || fail "a full disk is no reason not to be ready"
    [ -z "${1:-}" ] || await 10 logged "$1"
    answered_more 507 10
    make_room
    acknowledged_more 20
    write_end
    check_rows
    no_worker_died "$before"
}

# The WAL cannot grow. (The keeper copies only what is more than it will hold.)
start -w 4 --wal-autocheckpoint 1000
await 10 workers_are 4
full_and_back
stop
check_rows

# Nor can the database, so a checkpoint cannot end. The rows that make it grow
# are in a WAL that begins anew as often as not.
start -w 4 --wal-autocheckpoint 2
await 10 workers_are 4
full_and_back 'cannot be copied into it: full'

# All are killed while it is full, and are started while it is.
write_begin 8 keyed
acknowledged_more 20
fill
answered_more again-507 10
kill_tree
start -w 4 --wal-autocheckpoint 20
check_rows
make_room
acknowledged_more 20
write_end
check_rows
stop
check_rows
for status in "$T/said"/*; do
    case ${status##*/} in
    201 | 507 | sent | over | again-0 | again-507) ;;
    *) fail "answers ${status##*/}: $(head -n 3 "$status")" ;;
    esac
done
