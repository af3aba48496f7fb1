#!/bin/bash
# Goal: who asks is learnt from proxies that are believed, and from nobody
# else: X-Forwarded-For and -Proto, Forwarded, X-Request-ID; the access log, the
# log and Strict-Transport-Security go by it.
. "$(dirname "$0")/lib.sh"

make_app
format='%(h)s %(U)s %(s)s %(i)s'
logs=(--access-logfile "$T/log.access" --access-logformat "$format")
line() { # a line of the access log, once the server has ended
    grep -qxE -- "$1" "$T/log.access" ||
        fail "no line '$1' in: $(cat "$T/log.access")"
}
said=(-H 'X-Forwarded-For: 198.51.100.66, 203.0.113.9, 127.0.0.1'
    -H 'X-Forwarded-Proto: https' -H 'X-Request-ID: theirs')

# ---- a proxy on this machine is believed, by default

start -w 1 "${logs[@]}" -b "unix:$T/s"
expect 200 GET /items/1 "${said[@]}"
header x-request-id theirs
header strict-transport-security 'max-age=[0-9]+'
expect 200 GET /items/2 -H 'Forwarded: for="[2001:db8:cafe::17]:4711";proto=http'
no_header strict-transport-security
expect 200 GET /items/3 -H 'X-Forwarded-For: 192.0.2.1, unknown'

expect 400 GET /items/4 "${said[@]}" -H 'Forwarded: for=192.0.2.1'
json '$.detail' 'Forwarded and X-Forwarded-For contradict each other; of the '\
'two a proxy sets one, and takes the other away'
expect 400 GET /items/4 "${said[@]}" -H 'X-Forwarded-Ssl: off'
expect 400 GET /items/4 -H 'Forwarded: for="192.0.2.1'
expect 400 GET /items/4 -H 'Forwarded: for="192.0.2.1'
expect 413 POST /items -H 'X-Forwarded-For: 192.0.2.5' \
    -H 'Content-Length: 99999999'
logged 'WARNING. Invalid request from ip=127.0.0.1: Forwarded is malformed' ||
    fail "the refusal is not in the log"
! logged 'Forwarded is malformed' 2 || fail "the same refusal is told again"
logged 'Invalid request from ip=192\.0\.2\.5: The body is larger' ||
    fail "the refusal of another is not in the log"

# a unix socket always is
expect 200 GET /items/5 --unix-socket "$T/s" "${said[@]}"
expect 200 GET /items/6 --unix-socket "$T/s"
stop
line '203\.0\.113\.9 /items/1 200 theirs'
line '2001:db8:cafe::17 /items/2 200 .*'
line '127\.0\.0\.1 /items/3 200 .*'
line '127\.0\.0\.1 /items/4 400 .*'
line '203\.0\.113\.9 /items/5 200 theirs'
line '- /items/6 200 .*'

# ---- others are not

start -w 1 "${logs[@]}" --forwarded-allow-ips 192.0.2.0/24,fd00::/8
expect 200 GET /items/7 "${said[@]}" -H 'Forwarded: "'
no_header strict-transport-security
stop
line '127\.0\.0\.1 /items/7 200 [0-9a-f]{16}'

# ---- what is no address ends the start, and not what runs

refused() { # MESSAGE ARGUMENTS…
    local code=0
    timeout 20 "$prong" -b 127.0.0.1:0 "${@:2}" "$T/app" >"$T/out" 2>&1 \
        </dev/null || code=$?
    [ "$code" = 2 ] || fail "${*:2}: exit code $code"
    grep -qF -- "$1" "$T/out" || fail "${*:2}: $(cat "$T/out")"
}
refused 'forwarded_allow_ips: "x" is no address' --forwarded-allow-ips x
refused 'proxy_allow_ips: "10.0.0.1/8" has bits set behind its prefix' \
    --proxy-allow-from 10.0.0.1/8
refused 'cors_origin: "https://a.example/" is no origin' \
    --cors-origin https://a.example/

echo 'forwarded_allow_ips = none' >"$T/prong.conf"
start -w 1 -c "$T/prong.conf"
echo 'forwarded_allow_ips = nonsense' >"$T/prong.conf"
kill -HUP "$PID"
await 10 logged '"nonsense" is no address'
expect 200 GET /items/1 "${said[@]}"
header x-request-id '[0-9a-f]{16}'
stop
