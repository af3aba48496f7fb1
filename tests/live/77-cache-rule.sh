#!/bin/bash
# Goal: a read that begins after a write was acknowledged never shows what was
# before it: on any worker, over any connection, as identity, gzip or 304,
# while workers are killed and the app is loaded anew. And what was shown once,
# acknowledged or not, is never taken back.
#
# $CHECK_SECONDS says for how long; the default is 7.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/cache.sh"

make_app
cat >"$T/app/schema/002_counters.sql" <<'SQL'
CREATE TABLE log (counter INTEGER PRIMARY KEY, n INTEGER NOT NULL);
SQL
# Three counters, each a table of its own; the last is copied by a trigger.
for k in 1 2 3; do
    cat >>"$T/app/schema/002_counters.sql" <<SQL
CREATE TABLE counter_$k (id INTEGER PRIMARY KEY, n INTEGER NOT NULL);
INSERT INTO counter_$k VALUES (1, 0);
INSERT INTO log VALUES ($k, 0);
CREATE TRIGGER log_$k AFTER UPDATE ON counter_$k BEGIN
    UPDATE log SET n = new.n WHERE counter = $k;
END;
SQL
    cat >>"$T/app/api/counters.sql" <<SQL
-- GET /counters/$k
-- Its value once, and as often again as fills a page.
-- @cache 1h
-- @one
SELECT n, replace(hex(zeroblob(400)), '00', n || ' ') AS again
  FROM counter_$k WHERE id = 1;

-- GET /logged/$k
-- @cache 1h
-- @one
SELECT n, replace(hex(zeroblob(4)), '00', n || ' ') AS again
  FROM log WHERE counter = $k;

-- PUT /counters/$k
-- Commits as its one statement ends.
-- @auth public
-- @param n integer required
-- @one
UPDATE counter_$k SET n = :n WHERE id = 1 RETURNING n;

-- PUT /counters/$k/twice
-- A transaction, of which nobody sees the half.
-- @auth public
-- @param n integer required
UPDATE counter_$k SET n = -1 WHERE id = 1;
UPDATE counter_$k SET n = :n WHERE id = 1;

SQL
done
start_cached -w 4 --keep-alive 30 --cache-size 256K
MASTER=$PID python3 "$here/cache_check.py"
expect 200 GET /counters/1
stop
