#!/bin/bash
# Goal: a sort ends when it is told to, by its time, an operator, or because
# the client left; what it does not keep in memory lies in files beside the
# database that have no name, also in the sandbox. When there is no room for
# them that statement is answered 507, and nobody else notices: no writer, no
# reader, not the readiness of the database.
. "$(dirname "$0")/lib.sh"
. "$here/operators.sh"
. "$here/writes.sh" # make_rows

make_rows
cat >"$T/app/api/sorts.sql" <<'SQL'
-- GET /endless
-- @slow
-- @timeout 60s
-- @value
WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c)
SELECT count(*) FROM (SELECT 1 FROM c
    GROUP BY x * 7919 % 1000003, hex(zeroblob(100)));

-- GET /short
-- @timeout 200ms
-- @value
WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c)
SELECT count(*) FROM (SELECT 1 FROM c
    GROUP BY x * 7919 % 1000003, hex(zeroblob(100)));

-- GET /sorted/{n}
-- @param n integer
-- @timeout 60s
-- @value
WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c WHERE x < :n)
SELECT count(*) FROM (SELECT 1 FROM c
    GROUP BY x * 7919 % 1000003, hex(zeroblob(100)));
SQL

# begin ID: a sort that never ends by itself, until it writes to a file.
begin() {
    curl -s -m 60 -o /dev/null -w '%{http_code}' -H "X-Request-ID: $1" \
        "$URL/endless" >"$T/status" &
    client=$!
    await 20 has_files
}

files() {
    find "/proc/$(workers)/fd" -lname "$(dirname "$DB")/etilqs_* (deleted)"
}

has_files() {
    [ -n "$(files)" ]
}

has_no_files() {
    [ -z "$(files)" ] && [ -z "$(find "$(dirname "$DB")" -name 'etilqs_*')" ]
}

# ---- it ends

touch "$T/app/etilqs_0123456789abcdef"
start_admin -w 1
victim=$(workers)
await 5 logged 'Removed .*/etilqs_0123456789abcdef'
expect 504 GET /short

begin named
"$prong" ctl "$T/app" kill named >"$T/out" 2>&1 || fail "$(cat "$T/out")"
wait "$client"
[ "$(cat "$T/status")" = 503 ] || fail "named: $(cat "$T/status")"
await 5 has_no_files

begin left
kill "$client"
wait "$client" || true
await 5 has_no_files
[ "$(workers)" = "$victim" ] || fail "the worker was replaced"
stop

# ---- there is no room

mkdir "$T/disk"
mount -t tmpfs -o size=24m prong "$T/disk" 2>/dev/null || skip "a small disk"
DB=$T/disk/live.db
sed -i "s|^database.*|database = $DB|" "$T/app/app.conf"

others() {
    expect 201 POST /rows --json "{\"token\": \"$RANDOM\", \"body\": \"b\"}"
    expect 200 GET /rows/last
    is_ready || fail "a sort without room is no reason not to be ready"
}

start_admin -w 1
for _ in 1 2 3; do
    curl -s -m 60 "$URL/sorted/200000" >"$T/answer" &
    client=$!
    others
    while kill -0 "$client" 2>/dev/null; do others; done
    wait "$client"
    grep -q '"status":507,"detail":"There is no space left' "$T/answer" ||
        fail "sorted: $(cat "$T/answer")"
    has_no_files || fail "a file is left"
done
expect 200 GET /sorted/40000
others
! logged 'opened again|Not ready' || fail "the database was suspected"
stop
