#!/bin/bash
# Goal: a write that the disk refuses, or of which it takes a part before its
# process dies, harms only the requests that it was for: full 507, failed 500.
# The next one succeeds without a restart, and nothing acknowledged is lost.
. "$(dirname "$0")/lib.sh"
. "$here/faults.sh"

unexpected='runtime error|Assertion' # a worker is killed on purpose
make_rows
start_on_disk -w 2
accepted before

order 'write-error wal ENOSPC'
answers 507 full
expect 200 GET /rows/count
json '$.n' 1
order
accepted roomy

order 'write-error wal EIO'
answers 500 failed
expect 200 GET /rows/count
json '$.n' 2
order
accepted well

# Half of the frames are in the file, and their writer is gone with the turn.
order 'torn wal'
answers 000 torn
order
logged 'was sent SIGKILL' || fail "no worker died"
await 10 workers_are 2
for i in 1 2 3 4; do accepted "whole.$i"; done
check_rows

cut
leave torn
start_on_disk -w 2
check_rows
stop
! grep -xE 'full|failed|torn' <(sqlite3 "$DB" 'SELECT token FROM rows') ||
    fail "a row is there that was refused"
