#!/bin/bash
# Goal: an operator sees what the cache does, clears it as a whole or in part,
# and fills it; with an admin's token, or without one by the operators' socket.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/cache.sh"

cp -r "$here/books" "$T/app"
cat >"$T/app/api/warm.sql" <<'SQL'
-- GET /warm/authors
-- @cache 1h
-- @warm
SELECT id, name FROM authors ORDER BY id;

-- GET /warm/tally
-- @cache 1h
-- @warm
-- @param least integer default 0
SELECT name, n FROM tally WHERE n >= :least ORDER BY name;
SQL
start_cached -w 2
boss=$("$prong" token add "$T/app" --role admin 2>"$T/out" |
    grep -oE '[^ ]{32,}')
plain=$("$prong" token add "$T/app" --user 1 --role user 2>"$T/out" |
    grep -oE '[^ ]{32,}')
as_boss=(-H "Authorization: Bearer $boss")

# Who may: an admin, and whoever reaches the operators' socket.
for page in 'GET /api/cache/stats' 'POST /api/cache/clear' \
    'POST /api/cache/warmup'; do
    read -r method path <<<"$page"
    expect 401 "$method" "$path"
    header www-authenticate 'Bearer.*'
    expect 401 "$method" "$path" -H "Authorization: Bearer ${boss}x"
    expect 403 "$method" "$path" -H "Authorization: Bearer $plain"
    expect 200 "$method" "$path" "${as_boss[@]}"
    header cache-control no-store
    operator "$method" "$path"
    other=$([ "$method" = GET ] && echo POST || echo GET)
    expect 405 "$other" "$path" "${as_boss[@]}"
    header allow ".*$method.*"
done
expect 200 GET /api/cache/stats "${as_boss[@]}"

# What is counted.
operator POST /api/cache/clear
was_hits=$(stat hits) was_misses=$(stat misses) was_stored=$(stat stored)
get "$missed" /kept/books
get "$hit" /kept/books
get "$hit" /kept/books
expect 304 GET /kept/books -H 'If-None-Match: *'
expect 204 PUT /tally/x --json '{"n": 1}'
get "$missed" /kept/tally
expect 204 PUT /tally/x --json '{"n": 2}'
get "$outdated" /kept/tally
expect 404 GET /kept/books/999
[ "$(stat hits)" = $((was_hits + 3)) ] || fail "hits: $(cat "$T/page")"
[ "$(stat misses)" = $((was_misses + 4)) ] || fail "misses: $(cat "$T/page")"
[ "$(stat stored)" = $((was_stored + 3)) ] || fail "stored: $(cat "$T/page")"
books='endpoints."GET /kept/books"'
[ "$(stat "$books.hits")" = 3 ] || fail "hits of one: $(cat "$T/page")"
[ "$(stat "$books.misses")" = 1 ] || fail "misses of one: $(cat "$T/page")"
[ "$(stat "$books.hit_rate")" = 75 ] || fail "its rate: $(cat "$T/page")"
[ "$(stat "$books.not_modified")" = 1 ] || fail "its 304: $(cat "$T/page")"
[ "$(stat 'invalidations.tally')" = 1 ] || fail "tally: $(cat "$T/page")"
[ "$(stat 'invalidations.books')" = 0 ] || fail "books: $(cat "$T/page")"
[ "$(stat enabled)" = 1 ] || fail "enabled: $(cat "$T/page")"
[ "$(stat size)" -gt 60000000 ] || fail "size: $(cat "$T/page")"
[ "$(stat entries)" -ge 2 ] || fail "entries: $(cat "$T/page")"
[ "$(stat bytes)" -gt 200 ] || fail "bytes: $(cat "$T/page")"

# Clearing. After each: what is gone, and what is still there.
fill() {
    for path in books tally authors shelf books/1 'search?q=gr%25'; do
        expect 200 GET "/kept/$path"
    done
    expect 200 GET /warm/authors
}
dropped() {
    for path in "$@"; do
        expect 200 GET "$path"
        said 'prong; fwd=.*; stored'
    done
}
still() {
    for path in "$@"; do get "$hit" "$path"; done
}
clear() { # curl's options
    operator POST "$@"
}
fill
clear /api/cache/clear
[ "$(page_value '$.cleared')" = all ] || fail "not all: $(cat "$T/page")"
[ "$(stat entries)" = 0 ] || fail "entries are left: $(cat "$T/page")"
dropped /kept/books /kept/tally /kept/authors /kept/shelf /kept/books/1
dropped /warm/authors
fill
clear /api/cache/clear --json '{"endpoint": "GET /kept/books"}'
still /kept/tally /kept/authors /kept/books/1 '/kept/search?q=gr%25'
dropped /kept/books
fill
clear /api/cache/clear -d 'endpoint=GET /kept/books/{id}'
still /kept/books /kept/tally
dropped /kept/books/1
fill
clear '/api/cache/clear?table=books'
still /kept/tally /kept/authors /warm/authors
dropped /kept/books /kept/books/1 /kept/shelf '/kept/search?q=gr%25'
fill
clear /api/cache/clear --json '{"table": "AUTHORS"}'
still /kept/tally /kept/books
dropped /kept/authors /kept/shelf /warm/authors /kept/books/1
fill
clear /api/cache/clear --json '{"prefix": "/kept/books"}'
still /kept/tally /kept/authors /warm/authors
dropped /kept/books /kept/books/1
fill
clear /api/cache/clear --json '{"prefix": "/kept/"}'
still /warm/authors
dropped /kept/tally /kept/authors /kept/books
fill

# What is meant badly clears nothing.
faulty() { # STATUS curl's options
    local status=$1
    shift
    expect "$status" POST "$@" "${as_boss[@]}"
    still /kept/books /kept/tally /warm/authors
}
faulty 404 '/api/cache/clear?table=none_such'
faulty 404 '/api/cache/clear?endpoint=GET%20/none'
faulty 404 '/api/cache/clear?endpoint=/kept/books'
faulty 400 '/api/cache/clear?tabel=books'
faulty 400 '/api/cache/clear?table='
faulty 400 '/api/cache/clear?prefix=kept'
faulty 400 /api/cache/clear --json '{"table": "books", "prefix": "/"}'
faulty 400 /api/cache/clear --json '{"table": 1}'
faulty 400 /api/cache/clear --json '{"table": "books"'
faulty 400 /api/cache/clear --json '["books"]'

# Filling: as it stands, and what is there already is not computed.
clear /api/cache/clear
operator POST /api/cache/warmup
[ "$(page_value '$.items_warmed')" = 2 ] || fail "warmed: $(cat "$T/page")"
[ "$(page_value '$.computed')" = 2 ] || fail "computed: $(cat "$T/page")"
[ "$(page_value '$.failed')" = 0 ] || fail "failed: $(cat "$T/page")"
page_value '$.duration_ms' | grep -qE '^[0-9]+\.[0-9]+$' || fail "no duration"
still /warm/authors /warm/tally '/warm/tally?least=0'
expect 200 POST /api/cache/warmup "${as_boss[@]}"
json '$.items_warmed' 2
json '$.computed' 0
stop

# A cold start fills it too; without a cache all of it is harmless.
start_cached -w 1
await 5 curl -sf "$URL/warm/authors" -o "$T/body"
still /warm/authors /warm/tally
[ "$(queries 'GET /warm/authors')" -le 1 ] || fail "computed for a client"
stop
start_cached -w 1 --cache-size 0
[ "$(stat enabled)" = 0 ] || fail "enabled without a size"
operator POST /api/cache/clear
operator POST /api/cache/warmup
expect 200 GET /warm/authors
no_header cache-status
stop

# The calls that the demonstration names.
start_softfactory
expect 200 GET /api/cache/stats "${admin[@]}"
expect 200 POST /api/cache/clear "${admin[@]}"
json '$.cleared' all
expect 200 POST /api/cache/warmup "${admin[@]}"
json '$.failed' 0
warmed=$(sqlite3 :memory: "SELECT json_extract(
    CAST(readfile('$T/body') AS TEXT), '$.items_warmed')")
[ "$warmed" -ge 2 ] || fail "nothing was warmed: $(cat "$T/body")"
expect 200 GET /api/platform/products
said "$hit"
expect 401 GET /api/cache/stats
expect 403 GET /api/cache/stats "${user[@]}"
stop
