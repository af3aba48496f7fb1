#!/bin/bash
# Goal: SoftFactory's products: lists, one, and what admins may change.
. "$(dirname "$0")/lib.sh"

start_softfactory
path=/api/platform/products
sql 'SELECT count(*) FROM products' 200
expect 200 GET "$path"
json '$[49].id' 51 # 40 is no longer on offer
header cache-control 'public, no-cache'
header link '.*rel="?next"?.*'
expect 200 GET "$path?limit=200"
[ "$(grep -o '"id"' "$T/body" | wc -l)" -eq 195 ] || fail "not 195 on offer"
expect 200 GET "$path?category=cooking&sort=-price&limit=2&fields=id,price"
expect 400 GET "$path?category=none"
json '$.errors[0].pointer' /category
expect 400 GET "$path?limit=201"
expect 400 GET "$path?sort=secret"

expect 200 GET "$path/1"
json '$.category' "$(sqlite3 "$T/soft.db" \
    'SELECT category FROM products WHERE id = 1')"
json '$.is_active' 1
expect 200 HEAD "$path/1"
expect 404 GET "$path/9999"
expect 400 GET "$path/zero"

new='{"name": "Ämter", "category": "tools", "price": 1000}'
expect 401 POST "$path" --json "$new"
expect 403 POST "$path" --json "$new" "${user[@]}"
expect 400 POST "$path" --json '{"price": -1}' "${admin[@]}"
json '$.errors[2].pointer' /category
expect 201 POST "$path" --json "$new" "${admin[@]}"
json '$.name' Ämter
json '$.description' ''
id=$(sqlite3 "$T/soft.db" "SELECT id FROM products WHERE name = 'Ämter'")
expect 409 POST "$path" --json "$new" "${admin[@]}"

expect 403 PUT "$path/$id" --json '{"price": 2000}' "${user[@]}"
expect 200 PUT "$path/$id" --json '{"price": 2000, "is_active": false}' \
    "${admin[@]}"
json '$.price' 2000
json '$.name' Ämter
json '$.is_active' 0
taken=$(sqlite3 "$T/soft.db" 'SELECT name FROM products WHERE id = 1')
expect 409 PUT "$path/$id" --json "{\"name\": \"$taken\"}" "${admin[@]}"
expect 404 PUT "$path/9999" --json '{"price": 1}' "${admin[@]}"
expect 400 PUT "$path/$id" --json '{"category": "other"}' "${admin[@]}"

expect 401 DELETE "$path/$id"
expect 200 DELETE "$path/$id" "${admin[@]}"
json '$.id' "$id"
expect 404 DELETE "$path/$id" "${admin[@]}"
expect 409 DELETE "$path/1" "${admin[@]}" # somebody pays for it
expect 405 PUT "$path" --json '{}' "${admin[@]}"
stop
