#!/bin/bash
# Goal: SoftFactory's subscriptions, dashboard, account, and pages.
. "$(dirname "$0")/lib.sh"

start_softfactory
path=/api/platform/subscriptions
expect 401 GET "$path"
expect 200 GET "$path" "${user[@]}"
json '$[0].product_id' 54
json '$[2].status' cancelled
json '$[3]' null
expect 200 GET "$path?status=cancelled" "${user[@]}"
json '$[0].product_id' 61
expect 400 GET "$path?status=lost" "${user[@]}"
expect 401 POST "$path" --json '{"product_id": 1}'
expect 201 POST "$path" --json '{"product_id": 1}' "${user[@]}"
json '$.status' active
json '$.price' "$(sqlite3 "$T/soft.db" 'SELECT price FROM products WHERE id = 1')"
expect 409 POST "$path" --json '{"product_id": 1}' "${user[@]}"
expect 409 POST "$path" --json '{"product_id": 9999}' "${user[@]}"
expect 400 POST "$path" --json '{"product_id": 40}' "${user[@]}"
json '$.detail' 'product is not active'
expect 400 POST "$path" --json '{"product_id": 2, "ends_on": "x"}' "${user[@]}"
json '$.errors[0].pointer' /ends_on

path=/api/platform/dashboard
expect 401 GET "$path"
expect 200 GET "$path" "${admin[@]}"
json '$.scope' platform
json '$.bookings' 20000
json '$.revenue' "$(sqlite3 "$T/soft.db" \
    "SELECT sum(total_price) FROM bookings WHERE status = 'completed'")"
json '$.recent_posts[0].id' "$(sqlite3 "$T/soft.db" \
    "SELECT max(id) FROM sns_posts WHERE status = 'published'")"
expect 200 GET "$path" "${user[@]}"
json '$.scope' own
json '$.bookings' 20
json '$.subscriptions' 3
json '$.recent_bookings[4].chef_name' "$(sqlite3 "$T/soft.db" "SELECT c.name
    FROM bookings b JOIN chefs c ON c.id = b.chef_id WHERE b.user_id = 2
    ORDER BY booking_date DESC, b.id DESC LIMIT 1 OFFSET 4")"

path=/api/platform/users/me
expect 401 GET "$path"
expect 200 GET "$path" "${user[@]}"
json '$.id' 2
json '$.role' user
json '$.chef_id' null
expect 200 GET "$path" "${chef[@]}"
json '$.chef_id' 2
sqlite3 "$T/soft.db" 'UPDATE users SET is_active = 0 WHERE id = 2'
expect 404 GET "$path" "${user[@]}"

expect 200 GET /
header content-type 'text/html; charset=utf-8'
grep -oE '(href|src)="/?[a-z.]+\.(css|js|svg|html)"' "$T/body" |
    sed -E 's/.*"\/?([^"]*)"/\1/' | sort -u >"$T/linked"
[ -s "$T/linked" ] || fail "the page links nothing"
while read -r file; do
    expect 200 GET "/$file"
done <"$T/linked"
stop
