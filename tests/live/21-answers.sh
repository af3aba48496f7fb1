#!/bin/bash
# Goal: what a client may ask of an answer: pages with links, an order, some
# columns, CSV or a line each; and what the failures of SQL become.
. "$(dirname "$0")/lib.sh"

make_app
start -w 1
expect 200 GET /items
json '$[19].id' 20
json '$[20]' null
header link '.*offset=20.*rel="?next"?.*'
expect 200 GET '/items?limit=5&offset=45'
json '$[4].id' 50
expect 200 GET '/items?sort=-size&limit=1&fields=id,size'
body_is '[{"id":50,"size":500}]'
expect 400 GET '/items?sort=nothing'
expect 400 GET '/items?fields=nothing'
expect 400 GET '/items?limit=101'

# A keyset page leads to the next one, to the end, without a row twice.
seen=0
path=/newest
while [ -n "$path" ]; do
    expect 200 GET "$path"
    seen=$((seen + $(grep -o '"id"' "$T/body" | wc -l)))
    path=$(tr -d '\r' <"$T/head" |
        sed -nE 's/^link: .*<([^>]*)>; *rel="?next"?.*/\1/Ip')
    [ "$seen" -le 50 ] || fail "a page that comes again: $path"
done
[ "$seen" -eq 50 ] || fail "$seen rows on all pages, not 50"

expect 200 GET '/items?limit=2' -H 'Accept: text/csv'
header content-type 'text/csv.*'
body_is $'id,name,size\r\n1,item 1,10\r\n2,item 2,20\r'
expect 200 GET '/items?limit=2' -H 'Accept: application/x-ndjson'
body_is $'{"id":1,"name":"item 1","size":10}\n{"id":2,"name":"item 2","size":20}'

expect 404 GET /items/51
expect 400 GET /items/0
expect 400 GET /items/one
expect 400 POST /items --json '{"size": "x", "extra": 1}'
json '$.errors[0].pointer' /size
json '$.errors[1].pointer' /name
expect 409 POST /items --json '{"name": "item 1"}'
expect 422 POST /items --json '{"name": "bad"}'
expect 201 POST /items --json '{"name": "fits", "size": null}'
expect 401 DELETE /items/1
header www-authenticate 'Bearer.*'
stop
