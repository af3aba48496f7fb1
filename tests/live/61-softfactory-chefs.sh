#!/bin/bash
# Goal: SoftFactory's chefs and their reviews.
. "$(dirname "$0")/lib.sh"

start_softfactory
path=/api/coocook/chefs
expect 200 GET "$path"
json '$[19].rating' "$(sqlite3 "$T/soft.db" 'SELECT rating FROM chefs WHERE
    is_active ORDER BY rating DESC, review_count DESC, id DESC LIMIT 1 OFFSET 19')"
expect 200 GET "$path?cuisine=korean&min_rating=4.5&limit=100"
! grep -oE '"cuisine":"[^"]*"' "$T/body" | grep -qv korean || fail "not korean"
! grep -oE '"rating":[0-4]' "$T/body" | grep -q ':[0-3]' || fail "a low rating"
expect 200 GET "$path?sort=name&limit=3"
expect 400 GET "$path?min_rating=6"
expect 400 GET "$path?sort=bio"
expect 400 GET "$path?limit=-1"

busy=$(sqlite3 "$T/soft.db" 'SELECT id FROM chefs WHERE is_active
    ORDER BY review_count DESC LIMIT 1')
expect 200 GET "$path/$busy"
json '$.reviews[4].stars' "$(sqlite3 "$T/soft.db" "SELECT stars FROM reviews
    WHERE chef_id = $busy ORDER BY created_at DESC, id DESC LIMIT 1 OFFSET 4")"
json '$.reviews[5]' null
header cache-control 'public, no-cache'
expect 404 GET "$path/25" # no longer active
expect 404 GET "$path/501"
expect 400 GET "$path/-1"

expect 401 PUT "$path/2" --json '{"bio": "x"}'
expect 404 PUT "$path/3" --json '{"bio": "x"}' "${chef[@]}" # somebody else
expect 404 PUT "$path/2" --json '{"bio": "x"}' "${user[@]}"
expect 200 PUT "$path/2" --json '{"bio": "salt & \"pepper\""}' "${chef[@]}"
json '$.bio' 'salt & "pepper"'
expect 200 PUT "$path/2" --json '{"is_active": false}' "${admin[@]}"
expect 404 GET "$path/2"
expect 400 PUT "$path/2" --json '{"hourly_rate": "much"}' "${chef[@]}"

expect 200 GET "$path/$busy/reviews?limit=2"
json '$[1].author' "$(sqlite3 "$T/soft.db" "SELECT u.name FROM reviews r
    JOIN users u ON u.id = r.user_id WHERE chef_id = $busy
    ORDER BY r.created_at DESC, r.id DESC LIMIT 1 OFFSET 1")"
expect 401 POST "$path/$busy/reviews" --json '{"stars": 5}'
expect 400 POST "$path/$busy/reviews" --json '{"stars": 6}' "${user[@]}"
expect 400 POST "$path/$busy/reviews" --json '{}' "${user[@]}"
expect 201 POST "$path/$busy/reviews" --json '{"stars": 5, "comment": "맛있다"}' \
    "${user[@]}"
json '$.comment' 맛있다
expect 409 POST "$path/$busy/reviews" --json '{"stars": 5}' "${user[@]}"
expect 409 POST "$path/501/reviews" --json '{"stars": 5}' "${user[@]}"
expect 200 GET "$path/$busy"
json '$.reviews[0].comment' 맛있다
stop
