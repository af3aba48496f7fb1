#!/bin/bash
# Goal: the smallest app answers, and so do the endpoints that every server
# has: health, live, ready; each answer carries a request id.
. "$(dirname "$0")/lib.sh"

start -w 2 --app="$root/etc/hello" --database "$T/hello.db"
expect 200 GET /hello
json '$.hello' 'Hello, world!'
header content-type 'application/json.*'
header content-length '[1-9][0-9]*'
header date '[A-Z][a-z]{2}, [0-9]{2} [A-Z][a-z]{2} [0-9]{4} [0-9:]{8} GMT'
header x-request-id '.{8,}'

expect 200 GET '/hello?name=J%C3%BCrgen%20%22J%22'
json '$.hello' 'Hello, Jürgen "J"!'
expect 400 GET "/hello?name=$(printf '%081d' 0)"
json '$.errors[0].pointer' /name

expect 201 POST /notes --json '{"text": "first"}'
json '$.text' first
expect 200 GET /notes
json '$[0].text' first

for probe in /api/health:ok /live:ok /ready:ready; do
    expect 200 GET "${probe%:*}"
    json '$.status' "${probe#*:}"
    expect 200 HEAD "${probe%:*}"
done
expect 404 GET /nothing
expect 404 GET /hello/there
stop
