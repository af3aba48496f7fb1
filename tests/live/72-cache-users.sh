#!/bin/bash
# Goal: what SQL says about its caller is kept for that caller alone; a kept
# answer is never given to whom @auth would refuse: without a token, with one
# of another role, expired, changed or revoked an instant ago.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/cache.sh"

make_app
cat >"$T/app/api/users.sql" <<'SQL'
-- GET /mine
-- @auth user
-- @cache 10m
-- @one
SELECT :auth.user_id AS id, :auth.role AS role, count(*) AS items FROM items;

-- GET /greeting
-- @auth public
-- @cache 10m
-- @http public, max-age=9
-- @value
SELECT coalesce(:auth.user_id, 'nobody') FROM items WHERE id = 1;

-- GET /staff
-- @auth staff
-- @cache 10m
SELECT id, name FROM items;
SQL
start_cached -w 4 --limit-auth-failures 1000 # it shows many
add() { # ARGUMENTS…: a new token, as curl's option
    "$prong" token add "$T/app" "$@" | grep -oE '[^ ]{32,}' | head -n 1
}
as() {
    echo "Authorization: Bearer $1"
}
ada=$(add --user 1 --role user --name ada)
again=$(add --user 1 --role user --name again)
bob=$(add --user 2 --role user --name bob)
chief=$(add --user 1 --role staff --name chief)
boss=$(add --user 9 --role admin --name boss)
noone=$(add --role user --name noone)

# To each his own, once; two tokens of one user and role share it.
expect 401 GET /mine
get "$missed" /mine -H "$(as "$ada")"
json '$.id' 1
ada_tag=$(field etag)
header vary 'Accept, Authorization'
header cache-control no-store
for token in "$bob:2:user" "$chief:1:staff" "$boss:9:admin"; do
    IFS=: read -r token id role <<<"$token"
    get "$missed" /mine -H "$(as "$token")" -H "If-None-Match: $ada_tag"
    json '$.id' "$id"
    json '$.role' "$role"
    get "$hit" /mine -H "$(as "$token")"
    json '$.id' "$id"
done
get "$missed" /mine -H "$(as "$noone")"
json '$.id' null
get "$hit" /mine -H "$(as "$again")"
json '$.id' 1
header vary 'Accept, Authorization'
expect 304 GET /mine -H "$(as "$ada")" -H "If-None-Match: $ada_tag"
header vary 'Accept, Authorization'
expect 401 GET /mine -H "If-None-Match: $ada_tag"
expect 401 GET /mine -H "$(as "${ada}x")"
expect 401 HEAD /mine

# Open to all, but it names its caller.
for _ in 1 2; do
    expect 200 GET /greeting
    body_is '"nobody"'
    header vary 'Accept, Authorization'
    header cache-control 'public, max-age=9'
    expect 200 GET /greeting -H "$(as "$bob")"
    body_is 2
    expect 401 GET /greeting -H "$(as wrong)"
done

# One answer for all who may; nothing for the others.
expect 401 GET /staff
expect 403 GET /staff -H "$(as "$ada")"
get "$missed" /staff -H "$(as "$chief")"
header vary 'Accept, Accept-Encoding, Authorization'
get "$hit" /staff -H "$(as "$boss")"
expect 403 GET /staff -H "$(as "$ada")"
no_header cache-status
expect 401 GET /staff
expect 401 GET /staff -H "$(as "${chief}x")" -H 'If-None-Match: *'
expect 403 GET /staff -H "$(as "$bob")" -H 'If-None-Match: *'
for query in 'auth.user_id=1' 'auth_user_id=1' 'auth.role=admin'; do
    get "$hit" "/mine?$query" -H "$(as "$bob")"
    json '$.id' 2
    json '$.role' user
done

# Whatever happens to a token acts on the next request, on every worker.
number() {
    sqlite3 "$T/app/live.db" "SELECT id FROM tokens WHERE name = '$1'"
}
export ADA="$ada" AGAIN="$again" BOB="$bob" CHIEF="$chief" \
    APP="$T/app" PROGRAM="$prong" DATABASE="$T/app/live.db"
AGAIN_ID=$(number again) python3 - <<'PY'
from client import Connection, same
import os
import sqlite3
import subprocess

connections = [Connection() for _ in range(16)]


def all_say(status, name, path, what):
    for c in connections:
        got = c.get(path, [f"Authorization: Bearer {os.environ[name]}"])
        same(got.status, status, f"{name} after {what}")


def change(sql):
    with sqlite3.connect(os.environ["DATABASE"]) as shell:
        shell.execute(sql)
    shell.close()


for name in ("ADA", "AGAIN", "BOB"):
    all_say(200, name, "/mine", "nothing")
    all_say(200, name, "/mine", "nothing")
subprocess.run([os.environ["PROGRAM"], "token", "revoke", os.environ["APP"],
                os.environ["AGAIN_ID"]], check=True, stdout=subprocess.DEVNULL)
all_say(401, "AGAIN", "/mine", "it was revoked")
all_say(200, "ADA", "/mine", "another one was revoked")
change("UPDATE tokens SET expires_at = '2001-01-01' WHERE name = 'ada'")
all_say(401, "ADA", "/mine", "its expiry")
change("UPDATE tokens SET expires_at = NULL WHERE name = 'ada'")
all_say(200, "ADA", "/mine", "it was given back")
all_say(200, "CHIEF", "/staff", "nothing")
all_say(200, "CHIEF", "/staff", "nothing")
change("UPDATE tokens SET role = 'user' WHERE name = 'chief'")
all_say(403, "CHIEF", "/staff", "losing its role")
change("UPDATE tokens SET user_id = 77 WHERE name = 'bob'")
for c in connections:
    got = c.get("/mine", [f"Authorization: Bearer {os.environ['BOB']}"])
    same(b'"id":77' in got.body, True, f"another user's: {got.body}")
change("DELETE FROM tokens")
all_say(401, "ADA", "/mine", "all are gone")
PY

# One that runs out by itself.
brief=$(add --user 5 --name brief --expires 2s)
expect 200 GET /mine -H "$(as "$brief")"
is_over() {
    [ "$(curl -s -o "$T/body" -w '%{http_code}' "$URL/mine" \
        -H "$(as "$brief")")" = 401 ]
}
await 6 is_over
stop
