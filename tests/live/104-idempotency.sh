#!/bin/bash
# Goal: requests with an Idempotency-Key write once, however often they are
# sent, to whichever worker and whoever dies meanwhile; each gets the first
# answer. Not another user's, not for another body, and not for ever.
. "$(dirname "$0")/lib.sh"
. "$here/operators.sh"

unexpected='runtime error|Assertion' # workers are killed on purpose
make_app
cat >"$T/app/schema/002_orders.sql" <<'SQL'
CREATE TABLE orders (id INTEGER PRIMARY KEY, name TEXT NOT NULL, user INTEGER);
SQL
cat >"$T/app/api/orders.sql" <<'SQL'
-- POST /orders
-- @auth public
-- @param name text required max 40
-- @one
-- @status 201
-- @http private, no-cache
INSERT INTO orders (name) VALUES (:name) RETURNING id, name;

-- POST /mine
-- @auth user
-- @param name text required
-- @one
-- @status 201
INSERT INTO orders (name, user) VALUES (:name, :auth.user_id)
RETURNING id, user;

-- POST /silent
-- @auth public
-- @param name text required
-- @none
INSERT INTO orders (name) VALUES (:name);
SQL
db=$T/app/live.db
rows() { # SQL VALUE
    local got
    got=$(sqlite3 "$db" "$1")
    [ "$got" = "$2" ] || fail "$1: '$got', not '$2'"
}
# order KEY NAME STATUS
order() {
    expect "$3" POST /orders -H "Idempotency-Key: $1" --json "{\"name\": \"$2\"}"
}
replayed() {
    header idempotency-replayed true
}
# The longest time that the setting knows as short is a minute.
start_admin -w 4 --idempotency-expiry 60
await 10 workers_are 4

# ---- the same and another request

order key-1 first 201
no_header idempotency-replayed
first=$(cat "$T/body")
for _ in 1 2 3 4 5 6; do
    order key-1 first 201
    replayed
    header content-type application/json
    header cache-control 'private, no-cache'
    body_is "$first"
done
order key-1 second 422
expect 422 POST '/orders?x=1' -H 'Idempotency-Key: key-1' \
    --json '{"name": "first"}'
rows "SELECT count(*) FROM orders" 1
order key-2 first 201
no_header idempotency-replayed
rows "SELECT count(*) FROM orders" 2

# Without a body, and as the draft writes a key.
for key in silent '"silent"'; do
    expect 204 POST /silent -H "Idempotency-Key: $key" -d name=silent
done
replayed
rows "SELECT count(*) FROM orders WHERE name = 'silent'" 1

# ---- keys that are none; what failed may be tried again

expect 400 POST /orders -H 'Idempotency-Key;' --json '{"name": "x"}' # empty
order "$(printf '%0256d' 0)" x 400
expect 400 POST /orders -H 'Idempotency-Key: a' -H 'Idempotency-Key: a' \
    --json '{"name": "x"}'
expect 400 POST /orders -H 'Idempotency-Key: key-4' --json '{}'
order key-4 fourth 201
no_header idempotency-replayed
rows "SELECT count(*) FROM orders WHERE name = 'x'" 0

# ---- nobody gets another's

token() { # USER
    "$prong" token add "$T/app" --user "$1" 2>"$T/out" | grep -oE '[^ ]{32,}'
}
mine() { # TOKEN
    expect 201 POST /mine -H "Authorization: Bearer $1" \
        -H 'Idempotency-Key: key-1' -d name=mine
}
one=$(token 1) one_more=$(token 1) two=$(token 2)
mine "$one"
json '$.user' 1
mine "$two"
json '$.user' 2
no_header idempotency-replayed
mine "$one_more"
json '$.user' 1
replayed
rows "SELECT count(*) FROM orders WHERE name = 'mine'" 2

# ---- all at once

python3 "$here/idempotency.py" together key-5
rows "SELECT count(*) FROM orders WHERE name = 'together'" 1

# ---- an answer that was never read: the row is there, then it is asked again

exec 4<>"/dev/tcp/127.0.0.1/$PORT"
printf 'POST /orders?name=unread HTTP/1.1\r\nHost: live\r\n%s\r\n%s\r\n\r\n' \
    'Idempotency-Key: key-6' 'Content-Length: 0' >&4
is_written() {
    [ "$(sqlite3 "$db" "SELECT count(*) FROM orders WHERE name = 'unread'")" = 1 ]
}
await 10 is_written
exec 4<&-
# shellcheck disable=SC2046  # several process ids
kill -KILL $(workers)
expect_unread() {
    expect 201 POST '/orders?name=unread' -H 'Idempotency-Key: key-6' \
        -H 'Content-Length: 0'
}
await 10 is_ready
expect_unread
replayed
is_written || fail "it was written twice"

# ---- workers are killed between anything and anything

await 10 workers_are 4
python3 "$here/idempotency.py" crashes
is_ready || fail "not ready after the crashes"
sqlite3 "$db" "SELECT name || ',' || id FROM orders WHERE name GLOB 'c[0-9]*-*'
    ORDER BY id" >"$T/rows"
sort -t, -k2n "$T/answered" | cmp - "$T/rows" ||
    fail "rows and answers differ: $(sort -t, -k2n "$T/answered" |
        diff - "$T/rows" | head)"
rows "PRAGMA integrity_check" ok

# ---- after a reload, after a restart

all_new() {
    workers_are 4 && ! workers | grep -qxF "$before"
}
await 10 workers_are 4
before=$(workers)
kill -HUP "$PID"
await 20 all_new
order key-1 first 201
replayed
body_is "$first"
stop
start_admin -w 2 --idempotency-expiry 60
order key-1 first 201
replayed
body_is "$first"

# ---- forgotten after their time

sqlite3 "$db" "UPDATE prong_idempotency SET created_at = created_at - 61000
    WHERE key = 'key-1' AND scope = 'POST /orders'" >"$T/out"
order key-1 first 201
replayed # nobody has removed it yet
removed() {
    curl -sf -m 20 -X POST "$ADMIN/api/jobs/idempotency_keys/run"
}
await 20 removed # the keeper may just be starting
order key-1 first 201
no_header idempotency-replayed
order key-2 first 201
replayed
rows "SELECT count(*) FROM orders WHERE name = 'first'" 3
stop
