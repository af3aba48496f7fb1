#!/bin/bash
# Goal: SoftFactory's bookings: one's own, rules of the schema, many at once.
. "$(dirname "$0")/lib.sh"

start_softfactory
path=/api/coocook/bookings
expect 401 GET "$path"
expect 401 GET "$path" -H 'Authorization: Bearer nonsense'
expect 200 GET "$path?limit=100" "${user[@]}"
[ "$(grep -o '"chef_name"' "$T/body" | wc -l)" -eq 20 ] || fail "not 20"
expect 200 GET "$path?status=completed&from=2025-01-01&to=2025-12-31" "${user[@]}"
! grep -qE '"status":"[^c]|"booking_date":"202[^5]' "$T/body" || fail "filters"
expect 400 GET "$path?status=lost" "${user[@]}"
expect 400 GET "$path?from=2025-02-30" "${user[@]}"

book='{"chef_id": 7, "booking_date": "2027-05-01", "duration_hours": 3}'
expect 401 POST "$path" --json "$book"
expect 201 POST "$path" --json "$book" "${user[@]}"
json '$.status' pending
json '$.total_price' "$(sqlite3 "$T/soft.db" \
    'SELECT 3 * hourly_rate FROM chefs WHERE id = 7')"
id=$(sqlite3 "$T/soft.db" 'SELECT max(id) FROM bookings')
json '$.id' "$id"
expect 400 POST "$path" "${user[@]}" \
    --json '{"chef_id": 25, "booking_date": "2027-05-01"}'
json '$.detail' 'chef is not active'
expect 409 POST "$path" "${user[@]}" \
    --json '{"chef_id": 501, "booking_date": "2027-05-01"}'
expect 400 POST "$path" "${user[@]}" \
    --json '{"chef_id": "x", "booking_date": "soon", "duration_hours": 25}'
json '$.errors[2].pointer' /duration_hours
expect 400 POST "$path" --json '{"chef_id": 7' "${user[@]}"
expect 415 POST "$path" -H 'Content-Type: text/plain' -d x "${user[@]}"

expect 404 PUT "$path/$id" --json '{"status": "confirmed"}' "${chef[@]}"
expect 200 PUT "$path/$id" --json '{"status": "confirmed"}' "${user[@]}"
expect 200 PUT "$path/$id" --json '{"status": "completed"}' "${admin[@]}"
expect 400 PUT "$path/$id" --json '{"status": "pending"}' "${user[@]}"
json '$.detail' 'booking is closed'
expect 400 PUT "$path/$id" --json '{"status": "lost"}' "${user[@]}"

for batch in /api/coocook/batch-create-bookings \
    /api/platform/batch-create-bookings; do
    before=$(sqlite3 "$T/soft.db" 'SELECT count(*) FROM bookings')
    expect 401 POST "$batch" --json '{"bookings": []}'
    expect 201 POST "$batch" "${user[@]}" --json "{\"bookings\": [$book, $book]}"
    json '$.created' 2
    json '$.bookings[1].chef_id' 7
    sql 'SELECT count(*) FROM bookings' $((before + 2))
    bad='{"chef_id": 25, "booking_date": "2027-05-01"}'
    expect 400 POST "$batch" "${user[@]}" --json "{\"bookings\": [$book, $bad]}"
    expect 400 POST "$batch" "${user[@]}" --json "{\"bookings\": [$book, {}]}"
    json '$.errors[0].pointer' /bookings/1/chef_id
    expect 400 POST "$batch" "${user[@]}" --json '{"bookings": 5}'
    expect 400 POST "$batch" "${user[@]}" --json '{}'
    sql 'SELECT count(*) FROM bookings' $((before + 2))
done
stop
