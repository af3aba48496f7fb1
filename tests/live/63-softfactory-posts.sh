#!/bin/bash
# Goal: SoftFactory's posts: the feed, and what their authors may do.
. "$(dirname "$0")/lib.sh"

start_softfactory
path=/api/sns/posts
expect 200 GET "$path"
! grep -qE '"status":"[^p]' "$T/body" || fail "a draft in the feed"
header link '.*rel="?next"?.*'
json '$[0].id' "$(sqlite3 "$T/soft.db" \
    "SELECT max(id) FROM sns_posts WHERE status = 'published'")"
expect 200 GET "$path?user_id=2&limit=1"
json '$[0].user_id' 2
expect 200 GET "$path?status=draft"
body_is '[]' # nobody's
expect 200 GET "$path?status=draft&limit=100" "${user[@]}"
! grep -oE '"user_id":[0-9]+' "$T/body" | grep -qv ':2$' || fail "another's draft"
expect 400 GET "$path?status=secret"
expect 400 GET "$path?user_id=0"

expect 401 POST "$path" --json '{"content": "x"}'
expect 400 POST "$path" --json '{"content": ""}' "${user[@]}"
json '$.errors[0].pointer' /content
expect 400 POST "$path" --json '{"content": "x", "status": "archived"}' \
    "${user[@]}"
expect 201 POST "$path" "${user[@]}" \
    --json '{"content": "hi \u2603 <b>", "tags": ["a", "b"]}'
json '$.status' draft
json '$.content' 'hi ☃ <b>'
json '$.tags[1]' b
id=$(sqlite3 "$T/soft.db" 'SELECT max(id) FROM sns_posts')
expect 422 POST "$path" --json '{"content": "x", "tags": {"no": 1}}' "${user[@]}"

expect 401 PUT "$path/$id" --json '{"status": "published"}'
expect 404 PUT "$path/$id" --json '{"status": "published"}' "${chef[@]}"
expect 200 PUT "$path/$id" --json '{"status": "published"}' "${user[@]}"
json '$.content' 'hi ☃ <b>'
expect 200 GET "$path?limit=1"
json '$[0].id' "$id"
expect 200 PUT "$path/$id" --json '{"content": "moderated"}' "${admin[@]}"
expect 400 PUT "$path/$id" --json '{"status": "gone"}' "${user[@]}"

expect 401 DELETE "$path/$id"
expect 404 DELETE "$path/$id" "${chef[@]}"
expect 200 DELETE "$path/$id" "${user[@]}"
json '$.id' "$id"
expect 404 DELETE "$path/$id" "${user[@]}"
expect 405 DELETE "$path" "${user[@]}"
stop
