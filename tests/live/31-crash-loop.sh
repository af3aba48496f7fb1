#!/bin/bash
# Goal: workers that die before they are ready are tried again after 1, 2, 4
# seconds, not at once and for ever; when the cause is gone they serve.
. "$(dirname "$0")/lib.sh"

make_app
start -w 1
# No database, no worker: a new one is not made under a running server.
sqlite3 "$T/app/live.db" 'PRAGMA wal_checkpoint(TRUNCATE)' >"$T/out"
mv "$T/app/live.db" "$T/away.db"
kill -KILL "$(workers)"
await 20 logged 'next try in 1 s'
await 20 logged 'next try in 2 s'
await 20 logged 'next try in 4 s'
rm -f "$T"/app/live.db-*
mv "$T/away.db" "$T/app/live.db"
kill -0 "$PID" || fail "the master gave up"
[ "$(grep -c 'Booting worker' "$T/log")" -le 5 ] || fail "too many tries"
await 20 is_ready
expect 200 GET /items/1

# A life that was ready forgives: the next death is mended at once,
# long before the 8 s that would be next.
kill -KILL "$(workers)"
await 4 is_ready
stop
