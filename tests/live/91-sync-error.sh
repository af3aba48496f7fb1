#!/bin/bash
# Goal: when a sync of the WAL fails, whoever waits for it gets 500, nothing
# more is written (503) even if the disk seems well again, the server is not
# ready and says so loudly, and reads go on. What was acknowledged before is on
# the disk, and a server that is started anew writes again.
. "$(dirname "$0")/lib.sh"
. "$here/faults.sh"

unexpected='runtime error|Assertion' # all are killed on purpose
make_rows
start_on_disk -w 3
for i in 1 2 3 4 5 6 7 8; do accepted "before.$i"; done

# All at once: each was waiting for that sync, or is refused.
order 'sync-error wal'
together=()
for i in 1 2 3 4 5 6; do
    post "during.$i" >>"$T/statuses" &
    together+=($!)
done
wait "${together[@]}"
grep -q '^500$' "$T/statuses" || fail "no 500: $(cat "$T/statuses")"
! grep -vE '^50[03]$' "$T/statuses" || fail "neither 500 nor 503"

closed() { # for all workers, since any may answer
    for i in 1 2 3 4 5 6; do
        answers 503 "$1.$i"
        expect 503 GET /ready
        expect 200 GET /live
        expect 200 GET /rows/count
    done
}
closed broken
logged 'CRITICAL.*cannot be synced' || fail "it is not said loudly"
order # the kernel calls the next sync good, and has dropped the pages
closed after
kill -KILL "$(workers | head -n 1)" # nor does a new worker know better
await 10 workers_are 3
closed reborn
expect 503 POST /rows --json '{"token": "-", "body": "-"}'

cut
leave lost
start_on_disk -w 2
check_rows
expect 200 GET /ready
accepted afterwards
stop
check_rows
