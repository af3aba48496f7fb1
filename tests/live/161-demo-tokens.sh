#!/bin/bash
# Goal: the tokens of demo.sql, which anybody can read there, open nothing for
# others than this machine: neither for clients behind a proxy here, nor when
# the server listens where others reach it.
. "$(dirname "$0")/lib.sh"

path=/api/cache/stats
demo=(-H 'Authorization: Bearer demo_token')
soft=(--app="$root/etc/softfactory" --demo --database "$T/soft.db")

start -w 1 "${soft[@]}"
expect 200 GET "$path" "${demo[@]}"
expect 200 GET "$path" "${demo[@]}" -H 'X-Forwarded-For: 127.0.0.1'
expect 401 GET "$path" "${demo[@]}" -H 'X-Forwarded-For: 203.0.113.9'
json '$.detail' 'Demo tokens open nothing for others than this machine'
header www-authenticate 'Bearer error="invalid_token"'
! logged 'demo tokens' || fail "a warning without a reason"
stop

start -w 2 -b 0.0.0.0:0 "${soft[@]}"
await 10 logged 'WARNING\] The demo tokens \(demo_token, user_token\) are refused'
expect 401 GET "$path" "${demo[@]}"
real=$("$prong" token add "$root/etc/softfactory" --database "$T/soft.db" \
    --role admin 2>"$T/out")
expect 200 GET "$path" -H "Authorization: Bearer $real"
expect 200 GET "$path" -H "Authorization: Bearer $real" \
    -H 'X-Forwarded-For: 203.0.113.9'
expect 200 GET /api/platform/products
stop
! logged 'demo tokens' 2 || fail "it is said twice"
