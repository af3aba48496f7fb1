#!/bin/bash
# Goal: what many ask for at once is computed by one worker while the others
# wait or show what they have, if @http allows it; when that worker is killed
# another goes on; what failed is answered with what was good before, if @http
# allows it; and none of this ever shows what was before a write.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/cache.sh"

make_app
# slow PATH TTL @http: takes a while
slow() {
    cat <<SQL
-- GET $1
-- @cache $2
-- @http $3
-- @param n integer default 1000000
-- @timeout 20s
-- @one
SELECT count(*) AS n, (SELECT max(size) FROM items) AS size FROM (
    WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c LIMIT :n)
    SELECT x FROM c);

SQL
}
# late PATH @http: never ends when the time is past :until
late() {
    cat <<SQL
-- GET $1
-- @cache 50ms
-- @http $2
-- @param until real default 1e12
-- @timeout 100ms
-- @one
SELECT count(*) AS n, (SELECT max(size) FROM items) AS size FROM (
    WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c
        LIMIT CASE WHEN (julianday('now') - 2440587.5) * 86400 < :until
            THEN 10 ELSE 1000000000 END)
    SELECT x FROM c);

SQL
}
{
    slow /slow 1h public
    slow /soft 400ms 'public, stale-while-revalidate=60'
    slow /strict 400ms \
        'stale-while-revalidate=60, stale-if-error=60, must-revalidate'
    late /late 'public, stale-if-error=60'
    late /late/strict 'must-revalidate, stale-if-error=60'
    late /late/plain 'max-age=3'
    cat <<'SQL'
-- PUT /size
-- @auth public
-- @param size integer required
UPDATE items SET size = :size WHERE id = 50;
SQL
} >"$T/app/api/slow.sql"
start_cached -w 4 --keep-alive 30
python3 "$here/cache_flight.py"

# The database is not there: only what may be shown then is.
expect 200 GET /late
expect 200 GET /late/strict
expect 200 GET /late/plain
sqlite3 "$T/app/live.db" 'PRAGMA wal_checkpoint(TRUNCATE)' >"$T/out"
mv "$T/app/live.db" "$T/away.db"
rm -f "$T"/app/live.db-*
all() { # STATUS PATH: so many times in a row that each worker was asked
    for _ in {1..12}; do
        [ "$(curl -s -D "$T/head" -o "$T/body" -w '%{http_code}' "$URL$2")" = \
            "$1" ] || return 1
    done
}
await 5 all 503 /late/plain
all 503 /late/strict || fail "must-revalidate was shown stale"
all 200 /late || fail "stale-if-error was not heeded"
said 'prong; hit; ttl=(0|-[0-9]+)'
json '$.n' 10
expect 503 GET '/late?until=1e11'
mv "$T/away.db" "$T/app/live.db"
await 5 all 200 /late/plain
all 200 /late
stop
