#!/bin/bash
# Goal: an answer that one worker computed is given by all of them, in every
# form, until its time is over or something was written; Cache-Status says
# what happened; a refusal is never kept.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/cache.sh"

make_app
cat >"$T/app/api/cached.sql" <<'SQL'
-- GET /chart
-- @cache 10m
-- @http public, max-age=7
SELECT id, name, size FROM items ORDER BY id;

-- GET /chart/{id}
-- @cache 10m
-- @param id integer
-- @one
SELECT id, name FROM items WHERE id = :id;

-- GET /brief
-- @cache 300ms
-- @value
SELECT count(*) FROM items;

-- GET /magnitude
-- @cache 10m
-- @param n integer required
-- @value
SELECT abs(:n) FROM items WHERE id = 1;

-- GET /never
-- @value
SELECT count(*) FROM items;

-- PUT /chart/{id}
-- @auth public
-- @param id integer
-- @param name text required
-- @one
UPDATE items SET name = :name WHERE id = :id RETURNING id, name;
SQL
start_cached -w 4

# Computed once, given by several workers; every connection is another one.
get "$missed" /chart
etag=$(field etag)
for _ in {1..24}; do
    get "$hit" /chart
    [ "$(field etag)" = "$etag" ] || fail "another tag: $(field etag)"
done
header cache-status 'prong; hit; ttl=(600|59[0-9])'
header cache-control 'public, max-age=7'
header vary 'Accept, Accept-Encoding'
header content-type 'application/json.*'
[ "$(queries 'GET /chart')" = 1 ] || fail "not computed once"
stop
[ "$(grep -a 'hit; .*|/chart$' "$T/access" | cut -d '|' -f 1 | sort -u |
    wc -l)" -ge 2 ] || fail "one worker alone gave hits"

# A write by one worker is seen at once by all.
start_cached -w 4
python3 - <<'PY'
from client import Connection, same
import json

connections = [Connection() for _ in range(16)]
for n in range(40):
    writer = connections[n % 16]
    body = json.dumps({"name": f"n{n}"}).encode()
    writer.ask("PUT", "/chart/1", ["Content-Type: application/json"], body)
    same(writer.read().status, 200, "PUT")
    statuses = []
    for c in connections:
        answer = c.get("/chart/1")
        same(json.loads(answer.body)["name"], f"n{n}", "after the write")
        statuses.append(answer.headers["cache-status"].split("; ttl")[0])
    if n > 0:
        same(statuses[0], "prong; fwd=stale; detail=outdated; stored", "first")
        same(set(statuses[1:]), {"prong; hit"}, "the others")
PY
said_never() {
    expect 200 GET /never
    no_header cache-status
}
said_never
expect 200 PUT /chart/1 --json '{"name": "item 1"}'
no_header cache-status
get "$outdated" /chart/1
get "$hit" /chart/1

# Its time is over.
get "$missed" /brief
is_expired() {
    curl -s -D "$T/head" -o "$T/body" "$URL/brief" &&
        grep -qi '^cache-status: prong; fwd=stale; stored' "$T/head"
}
await 5 is_expired
body_is 50

# Refusals are not kept, and nothing is computed for less than a request.
for _ in 1 2 3; do
    expect 404 GET /chart/999
    said 'prong; fwd=uri-miss'
    expect 500 GET '/magnitude?n=-9223372036854775808'
    said 'prong; fwd=uri-miss'
    expect 400 GET '/magnitude?n=x'
done
get "$missed" '/magnitude?n=-4'
expect 200 PUT /chart/1 --json '{"name": "item one"}'
expect 404 GET /chart/999
said 'prong; fwd=uri-miss'

# Every form, computed and kept, is the same answer.
gz=(-H 'Accept-Encoding: gzip')
csv=(-H 'Accept: text/csv')
clear_cache
expect 200 GET /chart
cp "$T/body" "$T/json"
plain=$(field etag)
get "$hit" /chart "${gz[@]}"
header content-encoding gzip
zipped=$(field etag)
gunzip -c "$T/body" | cmp - "$T/json" || fail "gzip is another answer"
[ "$plain" != "$zipped" ] || fail "one tag for two forms"
get "$hit" /chart
cmp "$T/body" "$T/json" || fail "the kept answer is another one"
get "$missed" /chart "${csv[@]}"
header content-type 'text/csv.*'
[ "$(wc -l <"$T/body")" = 51 ] || fail "not all rows as CSV"
cp "$T/body" "$T/csv"
get "$hit" /chart "${csv[@]}" "${gz[@]}"
gunzip -c "$T/body" | cmp - "$T/csv" || fail "gzip of CSV is another answer"
expect 200 HEAD /chart
said "$hit"
header content-length "$(wc -c <"$T/json")"
header etag "$plain"
expect 200 HEAD /chart "${gz[@]}"
header etag "$zipped"
header content-encoding gzip
clear_cache
get "$missed" /chart "${gz[@]}"
gunzip -c "$T/body" | cmp - "$T/json" || fail "computed gzip is another answer"
[ "$(field etag)" = "$zipped" ] || fail "another tag of the computed gzip"
get "$hit" /chart
cmp "$T/body" "$T/json" || fail "gzip was kept in the place of identity"
clear_cache
expect 200 HEAD /chart
said "$missed"
get "$hit" /chart
cmp "$T/body" "$T/json" || fail "a HEAD was kept without its body"

# Tags are the same, whichever worker computed the answer.
for _ in {1..12}; do
    clear_cache
    get "$missed" /chart
    [ "$(field etag)" = "$plain" ] || fail "a worker's own tag: $(field etag)"
done

# Conditions, on an answer that is computed and on one that is kept.
conditions() { # STATUS IF-NONE-MATCH [curl's options…]
    local status=$1 list=$2 path
    shift 2
    for path in clear kept; do
        [ "$path" = kept ] || clear_cache
        rm -f "$T/body"
        expect "$status" GET /chart -H "If-None-Match: $list" "$@"
        if [ "$path" = kept ]; then said "$hit"; else said "$missed"; fi
        header cache-control 'public, max-age=7'
        header vary 'Accept, Accept-Encoding'
        if [ "$status" = 304 ]; then
            [ ! -s "$T/body" ] || fail "a 304 with a body"
            no_header content-encoding
        fi
    done
}
conditions 304 "$plain"
conditions 304 "W/$plain"
conditions 304 "\"x\", W/\"y,z\", $plain"
conditions 304 '*'
conditions 304 "$zipped" "${gz[@]}"
header etag "$zipped"
conditions 200 "$zipped"
conditions 200 "$plain" "${gz[@]}"
conditions 200 '"x", "y"'
for _ in 1 2; do
    expect 412 GET /chart -H 'If-Match: "x"'
    said '.*'
    header cache-control no-store
    [ "$(grep -ci '^cache-control:' "$T/head")" = 1 ] || fail "$(cat "$T/head")"
    clear_cache
done
expect 200 PUT /chart/2 --json '{"name": "changed"}'
expect 200 GET /chart -H "If-None-Match: $plain"
stop
