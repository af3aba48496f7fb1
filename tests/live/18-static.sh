#!/bin/bash
# Goal: files of web/: types, validators, 304, one range, folders; nothing
# outside the folder and nothing hidden.
. "$(dirname "$0")/lib.sh"

make_app
echo secret >"$T/app/secret.txt"
echo hidden >"$T/app/web/.hidden"
ln -s ../secret.txt "$T/app/web/out.txt"
ln -s digits.txt "$T/app/web/in.txt"
head -c 3000000 /dev/zero | tr '\0' 'L' >"$T/app/web/large.bin"
start -w 1
expect 200 GET /digits.txt
body_is 0123456789
header content-type 'text/plain; charset=utf-8'
header accept-ranges bytes
etag=$(tr -d '\r' <"$T/head" | sed -n 's/^etag: //Ip')
date=$(tr -d '\r' <"$T/head" | sed -n 's/^last-modified: //Ip')
expect 304 GET /digits.txt -H "If-None-Match: \"x\", W/$etag"
header etag "$etag"
no_header content-length
expect 304 GET /digits.txt -H "If-Modified-Since: $date"
expect 200 GET /digits.txt -H 'If-None-Match: "x"' -H "If-Modified-Since: $date"
expect 206 GET /digits.txt -H 'Range: bytes=2-4'
body_is 234
header content-range 'bytes 2-4/10'
expect 206 GET /digits.txt -H 'Range: bytes=-3' -H "If-Range: $etag"
body_is 789
expect 200 GET /digits.txt -H 'Range: bytes=0-1,3-4'
expect 416 GET /digits.txt -H 'Range: bytes=10-'
header content-range 'bytes \*/10'
expect 200 HEAD /digits.txt
header content-length 10

expect 200 GET /large.bin
cmp "$T/body" "$T/app/web/large.bin"
expect 206 GET /large.bin -H 'Range: bytes=2999990-'
body_is LLLLLLLLLL
expect 200 GET /
body_is '<h1>live</h1>'
header content-type 'text/html; charset=utf-8'
expect 200 GET /in.txt
expect 301 GET '//docs?a=1'
header location '/docs/\?a=1'
expect 200 GET /docs/
for path in /.hidden /out.txt /nothing.txt /digits.txt/ /docs/..%2fsecret.txt; do
    expect 404 GET "$path"
done
expect 400 GET '/../secret.txt' --path-as-is

printf 'changed' >"$T/app/web/digits.txt"
changed() {
    curl -s "$URL/digits.txt" | grep -qx changed
}
await 5 changed
truncate -s 10 "$T/app/web/large.bin"
expect 200 GET /items/1
stop
