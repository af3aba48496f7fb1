#!/bin/bash
# Goal: a write that was acknowledged is seen by every read sent after it, on
# any worker, although the reads of one turn of the loop share a snapshot.
. "$(dirname "$0")/lib.sh"

make_app
cat >"$T/app/schema/002_counters.sql" <<'SQL'
CREATE TABLE counters (id INTEGER PRIMARY KEY, n INTEGER NOT NULL);
INSERT INTO counters VALUES (1, 0), (2, 0);
SQL
cat >"$T/app/api/counters.sql" <<'SQL'
-- GET /counters/{id}
-- @value
SELECT n FROM counters WHERE id = :id;

-- PUT /counters/{id}
-- @auth public
-- @param n integer required
-- @value
UPDATE counters SET n = :n WHERE id = :id RETURNING n;
SQL
start -w 3
python3 "$here/read_after_write.py" || fail "a read missed an earlier write"
stop
