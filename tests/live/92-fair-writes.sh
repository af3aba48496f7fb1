#!/bin/bash
# Goal: forty clients write through eight workers, and not one is ever told
# that the database is locked or busy: every answer is 201, every row is there
# once, no client falls behind, reads go on, an operator sees the queue, and no
# worker ever copies the WAL.
. "$(dirname "$0")/lib.sh"
. "$here/operators.sh"
. "$here/writes.sh"

make_rows
cat >"$T/app/api/more.sql" <<'SQL'
-- POST /pairs
-- @auth public
-- @param token text required
-- @param body text required
-- @status 201
INSERT INTO rows (token, body) VALUES (:token, :body);
INSERT INTO audit (token) VALUES (:token);

-- POST /batches
-- @auth public
-- @each rows max 10
-- @param token text required
-- @param body text required
-- @status 201
INSERT INTO rows (token, body) VALUES (:token, :body) RETURNING id;
SQL
# The keeper has no reason to copy: who does is a worker, and SQLite of its
# own accord would after a thousand frames.
start_admin -w 8 --keep-alive 60 --wal-autocheckpoint 1000000 \
    --journal-size-limit 100G
await 10 workers_are 8
python3 "$here/fair_writes.py" "${FAIR_SECONDS:-3}" "$DB"
! logged 'locked|busy|in time|has held|ERROR|CRITICAL|TIMEOUT' ||
    fail "the log tells of trouble"
stop
