#!/bin/bash
# Goal: @rate, wrong tokens and queued writes have limits that hold for all
# workers together; who is beyond them is told what to do, and others are not.
. "$(dirname "$0")/lib.sh"

make_app
cat >"$T/app/api/limited.sql" <<'SQL'
-- GET /limited
-- @cache 1h
-- @rate 3/h
SELECT count(*) AS n FROM items;

-- GET /mine
-- @auth user
-- @rate 2/h by user
SELECT :auth.user_id AS id;
SQL
start -w 2 --limit-auth-failures 4 --forwarded-allow-ips 127.0.0.1
from() { # ADDRESS: curl's options for one behind a proxy
    echo "X-Forwarded-For: $1"
}

# Four connections, which the workers share as it comes.
for left in 2 1 0; do
    expect 200 GET /limited -H "$(from 192.0.2.1)"
    header ratelimit-policy '"address";q=3;w=3600'
    header ratelimit "\"address\";r=$left;t=[0-9]+"
done
expect 429 GET /limited -H "$(from 192.0.2.1)"
header retry-after '1[0-9]{3}'
header ratelimit '"address";r=0;t=[0-9]+'
expect 200 GET /limited -H "$(from 192.0.2.2)"
header ratelimit '"address";r=2;t=1200'
etag=$(tr -d '\r' <"$T/head" | sed -n 's/^ETag: //Ip')
expect 304 GET /limited -H "$(from 192.0.2.2)" -H "If-None-Match: $etag"
header ratelimit '"address";r=1;t=[0-9]+'
expect 200 GET /items
no_header ratelimit

token=$("$prong" token add "$T/app" --user 1 | grep -oE '[^ ]{32,}' | head -n 1)
as=(-H "Authorization: Bearer $token")
expect 200 GET /mine "${as[@]}" -H "$(from 192.0.2.1)"
expect 200 GET /mine "${as[@]}" -H "$(from 192.0.2.2)"
expect 429 GET /mine "${as[@]}" -H "$(from 192.0.2.3)"

# A guesser is locked out, and told of once.
for _ in 1 2 3 4; do
    expect 401 GET /mine -H "$(from 192.0.2.9)" -H 'Authorization: Bearer x'
done
for _ in 1 2 3; do
    expect 429 GET /mine -H "$(from 192.0.2.9)" -H 'Authorization: Bearer x'
done
header retry-after '1[0-9]'
expect 401 GET /mine -H "$(from 192.0.2.9)"
expect 401 GET /mine -H "$(from 192.0.2.8)" -H 'Authorization: Bearer x'
logged 'WARNING.*Too many wrong tokens from ip=192\.0\.2\.9'
! logged 'Too many wrong tokens' 2 || fail "told of twice"
for guesser in 9 8; do
    told="WARNING.*Wrong token from ip=192\.0\.2\.$guesser, request [0-9a-f]{16}\$"
    logged "$told"
    ! logged "$told" 2 || fail "every guess of $guesser is told of"
done

# Neither a reload nor a death forgives.
kill -KILL "$(workers | head -n 1)"
kill -HUP "$PID"
await 10 logged 'Booting worker' 4
await 10 workers_are 2
expect 429 GET /limited -H "$(from 192.0.2.1)"
stop
