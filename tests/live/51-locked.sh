#!/bin/bash
# Goal: while somebody else holds the database's lock, writes are 503 with
# Retry-After when their time is up, and reads go on.
. "$(dirname "$0")/lib.sh"

make_app
cat >"$T/app/api/impatient.sql" <<'SQL'
-- POST /impatient
-- @auth public
-- @timeout 500ms
-- @status 201
INSERT INTO items (name) VALUES ('impatient');
SQL
start -w 2
mkfifo "$T/shell"
sqlite3 "$T/app/live.db" <"$T/shell" >"$T/held" &
exec 4>"$T/shell"
echo "BEGIN EXCLUSIVE; SELECT 'held';" >&4
await 10 grep -q held "$T/held"
for _ in 1 2 3; do
    expect 503 POST /impatient
    header retry-after '[0-9]+'
done
expect 200 GET /items/1
expect 503 POST /items --json '{"name": "patient"}' # after five seconds
is_ready || fail "a lock is no reason not to be ready"
echo 'COMMIT;' >&4
exec 4>&-
wait $!
expect 201 POST /impatient
stop
