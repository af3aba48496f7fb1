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

# Revenue is a summary: right after its job, whatever became of bookings.
completed() { # [WHERE…]: what completed bookings bring
    sqlite3 "$T/soft.db" "SELECT coalesce(sum(total_price), 0) FROM bookings
        WHERE status = 'completed' $*"
}
revenue_is_right() {
    expect 200 POST /api/jobs/daily_revenue/run "${admin[@]}"
    sql "SELECT count(*) FROM (SELECT * FROM daily_revenue EXCEPT
        SELECT booking_date, chef_id, count(*), sum(total_price) FROM bookings
         WHERE status = 'completed' GROUP BY booking_date, chef_id)" 0
    expect 200 GET /api/platform/dashboard "${admin[@]}"
    json '$.revenue' "$(completed)"
}
change() { # SQL
    sqlite3 -cmd '.timeout 5000' "$T/soft.db" "PRAGMA foreign_keys=ON; $1"
}
old=$(completed)
id=$(sqlite3 "$T/soft.db" "SELECT id FROM bookings WHERE status = 'confirmed'
    AND user_id = 2 LIMIT 1")
expect 200 PUT "/api/coocook/bookings/$id" "${user[@]}" \
    --json '{"status": "completed"}'
[ "$(completed)" != "$old" ] || fail "it brought nothing"
expect 200 GET /api/platform/dashboard "${admin[@]}"
json '$.revenue' "$old"
revenue_is_right
change "DELETE FROM bookings WHERE id IN (SELECT id FROM bookings
    WHERE status = 'completed' ORDER BY id LIMIT 40)"
revenue_is_right
change "INSERT INTO bookings (user_id, chef_id, booking_date, hourly_rate, status)
    VALUES (3, 7, '2024-02-29', 50000, 'completed')"
revenue_is_right
change "DROP TRIGGER bookings_closed; UPDATE bookings SET chef_id = 8,
    booking_date = '2024-03-01' WHERE booking_date = '2024-02-29';
    UPDATE bookings SET status = 'cancelled' WHERE id % 7 = 0"
revenue_is_right
sql 'SELECT count(*) FROM revenue_changes' 0

path=/api/platform/revenue
expect 401 GET "$path"
expect 403 GET "$path" "${user[@]}"
expect 200 GET "$path" "${admin[@]}"
last=$(sqlite3 "$T/soft.db" "SELECT max(booking_date) FROM bookings
    WHERE status = 'completed'")
json '$.until' "$last"
json '$.from' "$(sqlite3 :memory: "SELECT date('$last', '-29 days')")"
json '$.revenue' "$(completed "AND booking_date > date('$last', '-30 days')")"
json '$.by_day[#-1].day' "$last"
json '$.by_day[#-1].revenue' "$(completed "AND booking_date = '$last'")"
best=$(sqlite3 "$T/soft.db" "SELECT chef_id FROM bookings
    WHERE status = 'completed' AND booking_date > date('$last', '-30 days')
    GROUP BY chef_id ORDER BY sum(total_price) DESC, chef_id LIMIT 1")
json '$.by_chef[0].chef_id' "$best"
json '$.by_chef[0].chef_name' "$(sqlite3 "$T/soft.db" \
    "SELECT name FROM chefs WHERE id = $best")"
json '$.by_chef[0].revenue' "$(completed "AND chef_id = $best
    AND booking_date > date('$last', '-30 days')")"
expect 200 GET "$path?until=2024-03-01&days=2" "${admin[@]}"
json '$.from' 2024-02-29
json '$.by_day[0].day' 2024-03-01
json '$.by_day[1]' null
json '$.by_chef[0].chef_id' 8
expect 200 GET "$path?until=2020-01-01" "${admin[@]}"
json '$.revenue' 0
json '$.by_day' '[]'
expect 400 GET "$path?days=0" "${admin[@]}"

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
