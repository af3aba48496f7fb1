#!/bin/bash
# Goal: the access log in Gunicorn's default form, in a form of one's own with
# every kind of atom, and as JSON; nobody can forge a line.
. "$(dirname "$0")/lib.sh"

make_app
line() { # REGEX: a line of the access log
    grep -qE -- "^$1\$" "$T/log.access" ||
        fail "no line '$1' in: $(cat "$T/log.access")"
}
start -w 1 --access-logfile "$T/log.access"
expect 200 GET '/items/1?fields=id' -A 'the "agent"' -e http://from/
expect 404 GET /nothing
stop
day='\[[0-9]{2}/[A-Z][a-z]{2}/[0-9]{4}:[0-9:]{8} [+-][0-9]{4}\]'
line "127\.0\.0\.1 - - $day \"GET /items/1\?fields=id HTTP/1\.1\" 200 8 \
\"http://from/\" \"the \\\\\"agent\\\\\"\""
line "127\.0\.0\.1 - - $day \"GET /nothing HTTP/1\.1\" 404 [0-9]+ \"-\" \".*\""

rm "$T/log.access"
start -w 1 --access-logfile "$T/log.access" --access-logformat \
    '%(m)s %(U)s %(q)s %(s)s %(B)s %(D)s %(L)s %(p)s %(R)s %(S)s %(w)s %(i)s %({x-a}i)s %({content-type}o)s %(Z)s'
expect 200 GET '/items/2?fields=id' -H 'X-A: b' -H 'X-Request-ID: forged'
id=$(tr -d '\r' <"$T/head" | sed -n 's/^x-request-id: //Ip')
expect 400 POST /items --json '{'
stop
line "GET /items/2 fields=id 200 8 [0-9]+ 0\.[0-9]{6} <[0-9]+> (GET )?/items/\{id\} \
[0-9]+ 0 $id b application/json.* -"
line 'POST /items  400 .* (POST )?/items .*'

rm "$T/log.access"
start -w 1 --access-logfile "$T/log.access" --log-format json
expect 200 GET '/items/3?fields=id' -A $'\xff"'
stop
line '\{.*"path":"/items/3".*\}'
grep -a '"/items/3"' "$T/log.access" >"$T/body"
json '$.status' 200
json '$.method' GET
grep -qE '"route":"(GET )?/items/\{id\}"' "$T/body" || fail "no route"
json '$.query' 'fields=id'
grep -q '"level":"INFO"' "$T/log" || fail "the error log is not JSON"

start -w 1 --access-logfile -
expect 200 GET /items/4
stop
logged '"GET /items/4 HTTP/1\.1" 200' || fail "no access log on stdout"
