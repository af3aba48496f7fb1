#!/bin/bash
# Goal: pages of other sites read what @cors or cors-origin lets them read, on
# errors, hits and 304 too, and no answer that is kept holds such a field; pages
# go out with the fields of security.
. "$(dirname "$0")/lib.sh"

make_app
cat >"$T/app/api/cors.sql" <<'SQL'
-- GET /kept
-- @cache 1h
SELECT id, name FROM items ORDER BY id LIMIT 2;

-- GET /open
-- @cors *
SELECT 1 AS one;

-- GET /closed
-- @cors off
SELECT 1 AS one;

-- GET /rare
-- @rate 1/h by address
SELECT 1 AS one;

-- PUT /things/{id}
-- @auth user
-- @param id integer
-- @cors https://c.example
UPDATE items SET name = name WHERE id = :id;

-- GET /things/{id}
-- @param id integer
-- @one
SELECT id FROM items WHERE id = :id;
SQL
a='Origin: https://a.example'
b='Origin: http://b.example:8080'
c='Origin: https://c.example'
leave='access-control-allow-origin'

admitted() { # ORIGIN: the last answer may be read by its pages
    header "$leave" "${1#Origin: }"
    header vary Origin
    header access-control-expose-headers '.*X-Request-ID.*'
    no_header access-control-allow-credentials
}
not_by_origin() {
    ! grep -qi "^vary: origin" "$T/head" || fail "Vary: $(cat "$T/head")"
}
kept_out() {
    no_header "$leave"
    header vary Origin
}

# ---- nobody asked for it, nothing is said

start -w 1
expect 200 GET /open -H "$a"
header "$leave" '\*'
expect 200 GET /kept -H "$a"
no_header "$leave"
not_by_origin
expect 204 OPTIONS /kept -H "$a" -H 'Access-Control-Request-Method: GET'
no_header "$leave"
header allow 'GET, HEAD, OPTIONS'
stop

# ---- two origins for all, and what endpoints say

start -w 2 --cors-origin https://a.example,http://b.example:8080
expect 200 GET /kept -H "$a"
admitted "$a"
cp "$T/body" "$T/kept"
for _ in 1 2 3; do # hits, by others and for nobody
    expect 200 GET /kept -H "$b"
    header cache-status '.*hit.*'
    admitted "$b"
    cmp "$T/body" "$T/kept"
    expect 200 GET /kept -H "$c"
    kept_out
    expect 200 GET /kept
    kept_out
done
etag=$(tr -d '\r' <"$T/head" | sed -n 's/^etag: //Ip')
expect 304 GET /kept -H "$a" -H "If-None-Match: $etag"
admitted "$a"
expect 200 HEAD /kept -H "$a"
admitted "$a"
for stranger in null https://a.example.evil https://A.example; do
    expect 200 GET /kept -H "Origin: $stranger"
    kept_out
done

expect 404 GET /things/9999 -H "$a"
admitted "$a"
expect 400 GET /things/x -H "$a"
admitted "$a"
expect 200 GET /rare -H "$a"
expect 429 GET /rare -H "$a"
admitted "$a"
expect 404 GET /nowhere -H "$a"
admitted "$a"
expect 401 PUT /things/1 -H "$c"
admitted "$c"
expect 401 PUT /things/1 -H "$a"
kept_out
expect 200 GET /closed -H "$a"
no_header "$leave"
not_by_origin
for own in /metrics /api/monitoring/metrics /api/cache/stats; do
    expect 401 GET $own -H "$a"
    no_header "$leave"
done
expect 200 GET /live -H "$a"
no_header "$leave"
expect 200 GET /digits.txt -H "$a"
no_header "$leave"

# ---- preflights

asks=(-H 'Access-Control-Request-Method: PUT'
    -H 'Access-Control-Request-Headers: authorization,content-type')
expect 204 OPTIONS /things/1 -H "$c" "${asks[@]}"
header "$leave" https://c.example
header access-control-allow-methods 'PUT, OPTIONS'
header access-control-allow-headers '.*authorization, content-type.*'
header access-control-max-age '[0-9]+'
header vary Origin
expect 204 OPTIONS /things/1 -H "$a" "${asks[@]}"
header access-control-allow-methods 'GET, HEAD, OPTIONS'
expect 204 OPTIONS /things/1 -H 'Origin: https://d.example' "${asks[@]}"
kept_out
expect 405 DELETE /things/1 -H "$c"
admitted "$c"
expect 405 DELETE /things/1 -H 'Origin: https://d.example'
kept_out
expect 204 OPTIONS /metrics -H "$a" "${asks[@]}"
no_header "$leave"

# ---- pages, and what is none

expect 200 GET /
header x-content-type-options nosniff
header x-frame-options SAMEORIGIN
header referrer-policy strict-origin-when-cross-origin
header content-security-policy "frame-ancestors 'self'; .*"
no_header strict-transport-security
expect 200 GET /items/1
header x-content-type-options nosniff
no_header x-frame-options
no_header content-security-policy
expect 404 GET /nowhere
header x-content-type-options nosniff
stop

start -w 1 --security-headers off --cors-origin '*'
expect 200 GET /
no_header x-content-type-options
no_header x-frame-options
expect 200 GET /kept
header "$leave" '\*'
not_by_origin
stop
