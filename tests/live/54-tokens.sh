#!/bin/bash
# Goal: API tokens are made, listed and revoked by `prong token`; the database
# never holds one; roles and expiry are kept.
. "$(dirname "$0")/lib.sh"

make_app
start -w 1
token() {
    "$prong" token "$@"
}
as() { # TOKEN: curl's options
    echo "Authorization: Bearer $1"
}
laptop=$(token add "$T/app" --user 1 --name laptop | grep -oE '[^ ]{32,}' | head -n 1)
boss=$(token add "$T/app" --role admin --name boss | grep -oE '[^ ]{32,}' | head -n 1)
[ "$laptop" != "$boss" ] || fail "no tokens"
[ ${#laptop} -ge 32 ] || fail "a short token"
! sqlite3 "$T/app/live.db" .dump | grep -qF "$laptop" || fail "it is stored"

expect 401 PUT /items/1 --json '{"name": "x"}'
header www-authenticate 'Bearer.*'
expect 401 PUT /items/1 --json '{"name": "x"}' -H "$(as "${laptop}x")"
expect 200 PUT /items/1 --json '{"name": "by user"}' -H "$(as "$laptop")"
expect 403 DELETE /items/2 -H "$(as "$laptop")"
expect 204 DELETE /items/2 -H "$(as "$boss")"
expect 200 PUT /items/1 --json '{"name": "by admin"}' -H "$(as "$boss")"

token list "$T/app" >"$T/out"
grep -q laptop "$T/out" || fail "not listed: $(cat "$T/out")"
! grep -qF "$laptop" "$T/out" || fail "the list shows the token"
id=$(sqlite3 "$T/app/live.db" "SELECT id FROM tokens WHERE name = 'laptop'")
token revoke "$T/app" "$id"
expect 401 PUT /items/1 --json '{"name": "y"}' -H "$(as "$laptop")"
! token revoke "$T/app" 12345 2>"$T/out" || fail "revoked what is not there"
! token nonsense 2>"$T/out" || fail "a command that does not exist"

old=$(token add "$T/app" --user 1 --expires 1d | grep -oE '[^ ]{32,}' | head -n 1)
expect 200 PUT /items/1 --json '{"name": "z"}' -H "$(as "$old")"
sqlite3 "$T/app/live.db" "UPDATE tokens SET expires_at = '2001-01-01T00:00:00Z'
    WHERE id = (SELECT max(id) FROM tokens)"
expect 401 PUT /items/1 --json '{"name": "z"}' -H "$(as "$old")"
stop
