#!/bin/bash
# Goal: HEAD is everywhere GET is; OPTIONS and 405 say what a path allows;
# unknown methods are 501 or 405; a target in absolute form is understood.
. "$(dirname "$0")/lib.sh"

make_app
start -w 1
expect 200 GET /items/7
cp "$T/head" "$T/get"
size=$(wc -c <"$T/body")
expect 200 HEAD /items/7
header content-length "$size"
header content-type 'application/json.*'
header cache-control 'public, max-age=5'
expect 404 HEAD /items/777

expect 204 OPTIONS /items
header allow '.*GET.*'
header allow '.*HEAD.*'
header allow '.*POST.*'
header allow '.*OPTIONS.*'
expect 204 OPTIONS /items/1
header allow '.*DELETE.*'
expect 204 OPTIONS /any --request-target '*'
expect 405 POST /items/1
header allow '.*PUT.*'
expect 405 DELETE /api/health
header allow '.*GET.*'
expect 405 POST /digits.txt -d x=1
header allow '.*GET.*'
expect 404 DELETE /nothing
expect 501 BREW /items

python3 - <<'PY'
from client import Connection, same
with Connection() as c:
    c.ask("GET", "http://live/items/9")
    same(c.read().status, 200, "absolute form")
    c.ask("HEAD", "/items/9")
    same(c.read(head=True).status, 200, "HEAD")
    same(c.get("/items/9").status, 200, "GET after HEAD on one connection")
    c.ask("GET", "/items/%39")
    same(c.read().status, 200, "encoded digit")
    c.ask("GET", "/x/../items/./9")
    same(c.read().status, 200, "dot segments that stay inside")
PY
stop
