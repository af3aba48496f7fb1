#!/bin/bash
# Goal: nginx, with the very file that etc/deploy has for it, serves SoftFactory
# by TLS and HTTP/2: files itself, the API from Prong over kept connections, the
# micro-cache only what is public, and Prong learns who asked.
. "$(dirname "$0")/lib.sh"

command -v nginx >/dev/null && command -v openssl >/dev/null ||
    sh "$root/etc/packages.sh" nginx-light openssl >"$T/out" 2>&1 ||
    skip "$(tail -n 1 "$T/out")"
curl -V | grep -q HTTP2 || skip "a curl with HTTP/2"

start -w 2 --app="$root/etc/softfactory" --demo --database "$T/soft.db" \
    --keep-alive 2 --access-logfile "$T/log.access" --access-logformat \
    '%(h)s %(m)s %(U)s %(s)s %({x-forwarded-proto}i)s %(i)s %({host}i)s'
direct=$URL

# ---- that file, with places of this test in it

openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes \
    -subj /CN=shop.example.com -addext subjectAltName=DNS:shop.example.com \
    -days 2 -keyout "$T/privkey.pem" -out "$T/fullchain.pem" 2>"$T/out"
read -r plain tls < <(python3 -c '
import socket
held = [socket.create_server(("127.0.0.1", 0)) for _ in range(2)]
print(*[s.getsockname()[1] for s in held])')
mkdir "$T/cache"
chmod 755 "$T"
sed -e "s|127.0.0.1:8000|127.0.0.1:$PORT|" \
    -e "/listen \[::\]/d" \
    -e "s|listen 80;|listen 127.0.0.1:$plain;|" \
    -e "s|listen 443 |listen 127.0.0.1:$tls |" \
    -e 's|keepalive_timeout 3s;|keepalive_timeout 1s;|' \
    -e "s|/etc/ssl/shop.example.com|$T|" \
    -e "s|/var/cache/nginx/softfactory|$T/cache|" \
    -e "s|/usr/share/prong/softfactory|$root/etc/softfactory|" \
    -e "s|/var/log/nginx/softfactory|$T/log.nginx|" \
    -e 's|zone=softfactory_requests:10m rate=100r/s|zone=softfactory_requests:10m rate=20r/s|' \
    "$root/etc/deploy/nginx/softfactory.conf" >"$T/site.conf"
cat >"$T/nginx.conf" <<CONF
daemon off;
worker_processes 1;
pid $T/nginx.pid;
error_log $T/log.nginx.start;
events { worker_connections 256; }
http {
    include /etc/nginx/mime.types;
    client_body_temp_path $T/cache/body;
    proxy_temp_path $T/cache/proxy;
    fastcgi_temp_path $T/cache/fastcgi;
    uwsgi_temp_path $T/cache/uwsgi;
    scgi_temp_path $T/cache/scgi;
    include $T/site.conf;
}
CONF
[ "$(id -u)" -ne 0 ] || sed -i '1i user root;' "$T/nginx.conf"
nginx -t -q -c "$T/nginx.conf" 2>"$T/out" || fail "nginx -t: $(cat "$T/out")"
[ ! -s "$T/out" ] || fail "nginx -t says: $(cat "$T/out")"
setsid nginx -c "$T/nginx.conf" 2>"$T/out" &
groups+=("$!")

URL=https://shop.example.com:$tls
# By way of nginx; $version of HTTP stays in $T/version.
shop() { # STATUS METHOD PATH curl's options…
    expect "$@" --cacert "$T/fullchain.pem" \
        --resolve "shop.example.com:$tls:127.0.0.1"
}
x_cache() {
    header x-cache "$1"
}
last_line() { # REGEX: of Prong's access log, which is written behind the answer
    tail -n 1 "$T/log.access" | grep -qE "$1"
}
await 10 curl -sk "https://127.0.0.1:$tls/live" -o "$T/body"

# ---- TLS, HTTP/2, and who asked

URL=http://127.0.0.1:$plain
[ "$(curl -s -o /dev/null -w '%{http_code} %{redirect_url}' "$URL/api/x?y=1" \
    -H 'Host: shop.example.com')" = \
    '308 https://shop.example.com/api/x?y=1' ] || fail "no redirect to TLS"
URL=https://shop.example.com:$tls
shop 200 GET /api/platform/products --http2 --interface 127.0.0.2 \
    -H 'X-Forwarded-For: 203.0.113.9'
head -n 1 "$T/head" | grep -q '^HTTP/2 200' || fail "not HTTP/2: $(cat "$T/head")"
id=$(tr -d '\r' <"$T/head" | sed -n 's/^x-request-id: //p')
[ ${#id} = 32 ] || fail "nginx's request id is not in the answer: '$id'"
await 5 last_line "^127.0.0.2 GET /api/platform/products 200 https $id shop.example.com"
grep -q "$id" "$T/log.nginx.access.log" || fail "the id is not in nginx's log"

# ---- files come from nginx, the rest of the paths from Prong

lines=$(wc -l <"$T/log.access")
shop 200 GET /
header server nginx
cmp "$T/body" "$root/etc/softfactory/web/index.html"
shop 200 GET /app.js --compressed -H 'Accept-Encoding: gzip'
header content-encoding gzip
cmp "$T/body" "$root/etc/softfactory/web/app.js"
curl -s --cacert "$T/fullchain.pem" --resolve "shop.example.com:$tls:127.0.0.1" \
    -o /dev/null -w '%{http_code}' "$URL/.hidden" | grep -qx 404
[ "$(wc -l <"$T/log.access")" -eq "$lines" ] || fail "Prong served files"
shop 404 GET /nothing
shop 404 GET /api/nothing

# ---- the micro-cache: what is public with a max-age, a second long

chefs='/api/coocook/chefs?city=none'
shop 200 GET "$chefs"
x_cache MISS
header cache-control 'public, max-age=60.*'
lines=$(wc -l <"$T/log.access")
for _ in 1 2 3; do
    shop 200 GET "$chefs"
    x_cache 'HIT|UPDATING|STALE|EXPIRED|REVALIDATED'
done
grep -qE '^x-cache: (HIT|UPDATING)' "$T/head" || shop 200 GET "$chefs"
x_cache 'HIT|UPDATING|STALE'
# Others are Prong's, whose cache hears of writes.
for _ in 1 2; do
    shop 200 GET /api/platform/products
    x_cache 'MISS|EXPIRED'
    header cache-control 'public, no-cache'
done
for _ in 1 2; do
    shop 200 GET "$chefs" -H 'Authorization: Bearer demo_token'
    x_cache BYPASS
done
# A write is seen at once where the answer asks to be compared.
one=/api/coocook/chefs/7
for rate in 41000 42000; do
    shop 200 PUT "$one" -H 'Authorization: Bearer demo_token' \
        --json "{\"hourly_rate\": $rate}"
    shop 200 GET "$one"
    json '$.hourly_rate' "$rate"
done
tag=$(tr -d '\r' <"$T/head" | sed -n 's/^etag: //p')
shop 304 GET "$one" -H "If-None-Match: $tag"
shop 200 GET /api/platform/products --compressed -H 'Accept-Encoding: gzip'
header content-encoding gzip

# ---- kept connections: a hundred requests need few of them

accepted() {
    curl -s -H 'Authorization: Bearer demo_token' "$direct/metrics" |
        sed -n 's/^prong_connections_accepted_total //p'
}
before=$(accepted)
for _ in $(seq 30); do
    curl -s --http1.1 --cacert "$T/fullchain.pem" \
        --resolve "shop.example.com:$tls:127.0.0.1" -o /dev/null \
        "$URL/api/platform/products/9"
done
[ $(($(accepted) - before)) -le 4 ] ||
    fail "$(($(accepted) - before)) connections for 30 requests"

# ---- who is kept out

shop 200 GET /metrics -H 'Authorization: Bearer demo_token'
shop 200 GET /api/monitoring/metrics -H 'Authorization: Bearer demo_token'
shop 401 GET /api/monitoring/metrics
codes=$(for _ in $(seq 300); do echo "url = $URL/api/platform/products/8"; done |
    curl -s -K - --cacert "$T/fullchain.pem" -o /dev/null \
        --resolve "shop.example.com:$tls:127.0.0.1" -w '%{http_code}\n' |
    sort | uniq -c | tr -s ' \n' ' ')
[[ $codes == *429* && $codes != *50* ]] || fail "a flood got: $codes"

# ---- Prong away: what nginx has is shown, the rest is an error

past_the_flood() { # which used up what this address may ask for
    [ "$(asked_again)" = 200 ]
}
is_shown_stale() {
    [ "$(asked_again)" = 200 ] && grep -qE '^x-cache: (STALE|UPDATING)' "$T/head"
}
asked_again() {
    curl -s --cacert "$T/fullchain.pem" -D "$T/head" -o "$T/body" \
        --resolve "shop.example.com:$tls:127.0.0.1" -w '%{http_code}' "$URL$chefs"
}
await 5 past_the_flood
stop
[ "$(curl -s --cacert "$T/fullchain.pem" -o /dev/null -w '%{http_code}' \
    --resolve "shop.example.com:$tls:127.0.0.1" "$URL/ready")" = 502 ] ||
    fail "not 502 without a server"
await 5 is_shown_stale
