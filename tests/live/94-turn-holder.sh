#!/bin/bash
# Goal: one who holds the turn for long makes others wait no longer than their
# own time: then they are refused, nothing of them is written, and the log
# names the holder. When the holder dies the turn passes at once; when it
# stands still reads go on, and it is killed; a client that leaves while it
# waits leaves no row; a worker in the midst of a long read keeps no turn. And
# the same when somebody outside holds the database's lock.
. "$(dirname "$0")/lib.sh"
. "$here/operators.sh"
. "$here/writes.sh"

unexpected='runtime error|Assertion' # a worker is killed on purpose
make_rows
cat >"$T/app/api/times.sql" <<'SQL'
-- POST /never
-- Writes a row, and would be through in days.
-- @auth public
-- @param token text required
-- @timeout 3s
-- @none
INSERT INTO rows (token) VALUES (:token);
INSERT INTO rows (token)
WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c)
SELECT :token || count(*) FROM c;

-- POST /never/patient
-- @auth public
-- @param token text required
-- @timeout 60s
-- @none
INSERT INTO rows (token)
WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c)
SELECT :token || count(*) FROM c;

-- POST /impatient
-- @auth public
-- @param token text required
-- @timeout 400ms
-- @status 201
INSERT INTO rows (token) VALUES (:token);

-- GET /endless
-- @timeout 5s
-- @one
WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c)
SELECT count(*) AS n, (SELECT max(id) FROM rows) AS last FROM c;

-- POST /patient
-- @auth public
-- @param token text required
-- @timeout 50s
-- @status 201
INSERT INTO rows (token) VALUES (:token);
SQL
export LOG=$T/log ACCESS=$T/access
server() { # ARGUMENTS…
    start_admin --keep-alive 60 --timeout 30 --access-logfile "$ACCESS" \
        --access-logformat '%(s)s %(m)s %(U)s' "$@"
}

server -w 3
await 10 workers_are 3
python3 "$here/turn_holder.py" inside "$DB"
stop
sqlite3 "$DB" 'DELETE FROM rows'
server -w 1
python3 "$here/turn_holder.py" outside "$DB"
stop
[ "$(sqlite3 "$DB" 'PRAGMA integrity_check')" = ok ] || fail "the database"
