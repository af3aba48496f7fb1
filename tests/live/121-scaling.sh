#!/bin/bash
# Goal: TTIN and TTOU under load cost nobody a request; --workers-max makes
# more workers when those there are busy, says why, and bounds TTIN.
. "$(dirname "$0")/lib.sh"
. "$here/steady.sh"

make_app
cat >"$T/app/api/work.sql" <<'END'
-- GET /work
-- So long that other threads of the worker take over its loop.
-- @one
WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 60000)
SELECT count(*) AS n FROM n;
END
start -w 1 --workers-min 1 --workers-max 3 --shed-ms 0
begin_load /work
await 20 logged 'Scaling: 1 -> 2 workers \(busy [0-9]+ %, [0-9]+ connections waiting\)'
kill -TTIN "$PID"
await 20 workers_are 3
kill -TTIN "$PID"
await 5 logged 'Handling signal: ttin' 2
workers_are 3 || fail "there are more than --workers-max"
kill -TTOU "$PID"
await 20 logged 'Worker exiting' 1
end_load
stop
