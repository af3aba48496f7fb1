#!/bin/bash
# Goal: the rules and the dashboard in etc/deploy name only figures that a
# server really exports, do what they say, and a real Prometheus that runs them
# raises an alert about a real server.
. "$(dirname "$0")/lib.sh"
. "$here/operators.sh"

command -v prometheus >/dev/null && command -v promtool >/dev/null ||
    sh "$root/etc/packages.sh" prometheus >"$T/out" 2>&1 ||
    skip "$(tail -n 1 "$T/out")"
deploy=$root/etc/deploy

quiet() { # COMMAND…: what it said, if it fails
    "$@" >"$T/out" 2>&1 || fail "$*: $(cat "$T/out")"
}
quiet promtool check rules "$deploy/prometheus/prong.rules.yml"
quiet promtool test rules "$deploy/prometheus/prong.test.yml"
quiet promtool check config "$deploy/prometheus/prometheus.yml"

# ---- a server whose figures are all there: reads, writes, a job

start_admin -w 2 --app="$root/etc/softfactory" --demo --database "$T/soft.db"
cp "$deploy/prometheus/prong.rules.yml" "$T/"
sed -e "s/127.0.0.1:8001/${ADMIN#http://}/" \
    -e 's/_interval: 15s/_interval: 1s/' \
    "$deploy/prometheus/prometheus.yml" >"$T/prometheus.yml"
setsid prometheus --config.file="$T/prometheus.yml" \
    --storage.tsdb.path="$T/data" --web.listen-address=127.0.0.1:0 \
    >"$T/prometheus.out" 2>&1 &
groups+=("$!")

expect 200 GET '/api/coocook/chefs?city=none'
expect 200 GET /api/platform/products/9
expect 200 PUT /api/coocook/chefs/7 -H 'Authorization: Bearer demo_token' \
    --json '{"hourly_rate": 41000}'
URL=$ADMIN expect 200 POST /api/jobs/daily_revenue/run
await 20 shows /api/monitoring/system '$.database.bytes' '[1-9][0-9]*'
page /metrics
quiet python3 "$here/figures_named.py" "$T/body" \
    "$deploy/grafana/dashboard.json" "$deploy/prometheus/prong.rules.yml"

# ---- an alert: a worker dies, and who asks Prometheus hears of it

await 20 grep -q 'Listening on' "$T/prometheus.out"
P=http://$(sed -n 's/.*Listening on.* address=//p' "$T/prometheus.out")
has_result() {
    curl -s -m 5 -G "$P/api/v1/query" --data-urlencode "query=$1" |
        grep -q '"value":\['
}
fires() {
    curl -s -m 5 "$P/api/v1/alerts" >"$T/page"
    grep -q '"alertname":"'"$1"'"' "$T/page" &&
        grep -q '"state":"firing"' "$T/page"
}
await 20 has_result 'prong_worker_crashes_total{worker="0"} == 0'
! fires ProngWorkerCrashed || fail "it cries wolf: $(cat "$T/page")"
kill -KILL "$(workers | head -n 1)"
await 20 fires ProngWorkerCrashed
! grep -q ProngErrors "$T/page" || fail "it cries wolf: $(cat "$T/page")"
await 10 has_result prong:requests:rate1m
stop
