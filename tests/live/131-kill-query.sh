#!/bin/bash
# Goal: a query that runs for long is shown with its request, and ended by an
# operator who names that: its client has an answer, its worker lives on.
. "$(dirname "$0")/lib.sh"

ctl() {
    "$prong" ctl "$T/app" "$@" >"$T/out" 2>&1
}
shown() {
    ctl requests && grep -q "$1" "$T/out"
}

make_app
cat >"$T/app/api/endless.sql" <<'X'
-- GET /endless
-- @timeout 60s
-- @one
WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c)
SELECT count(*) AS n FROM c;
X
start -w 1
worker=$(workers)
curl -s -m 30 -o "$T/answer" -w '%{http_code}' "$URL/endless" >"$T/status" &
client=$!
await 5 shown 'GET /endless'
grep -qE '  sql 1 .* /endless$' "$T/out" || fail "$(cat "$T/out")"
id=$(grep -oE '[0-9a-f]{16}' "$T/out" | head -n 1)
ctl workers
grep -q "$id  GET /endless\$" "$T/out" || fail "$(cat "$T/out")"
begin=${EPOCHREALTIME/./}
ctl kill "$id" || fail "$(cat "$T/out")"
grep -q "^Request $id (GET /endless, worker (pid:$worker), " "$T/out" ||
    fail "$(cat "$T/out")"
wait "$client" || fail "no answer"
took=$(((${EPOCHREALTIME/./} - begin) / 1000))
[ "$took" -lt 5000 ] || fail "it ended only after $took ms"
[[ $(cat "$T/status") = 5?? ]] || fail "status $(cat "$T/status")"
[ "$(workers)" = "$worker" ] || fail "the worker was replaced"
expect 200 GET /items
ctl kill "$id" && fail "ended twice"
grep -q 'is being answered' "$T/out" || fail "$(cat "$T/out")"
stop
