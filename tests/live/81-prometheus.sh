#!/bin/bash
# Goal: the real Prometheus scrapes /metrics, by the operators' listener and
# with a token, and its queries give the right numbers, also over the death of
# a worker; promtool finds nothing to complain about.
. "$(dirname "$0")/lib.sh"
. "$here/operators.sh"

unexpected='runtime error|Assertion' # a worker is killed on purpose
command -v prometheus >/dev/null && command -v promtool >/dev/null ||
    sh "$root/etc/packages.sh" prometheus >"$T/out" 2>&1 ||
    skip "$(tail -n 1 "$T/out")"

make_app
# A table whose name has to be escaped in a label.
cat >"$T/app/schema/002_odd.sql" <<'SQL'
CREATE TABLE "o""d\d" (n INTEGER);
SQL
cat >"$T/app/api/kept.sql" <<'SQL'
-- GET /kept/{id}
-- @param id integer
-- @cache 1h
SELECT name FROM items
 WHERE id <= :id AND id NOT IN (SELECT n FROM "o""d\d") ORDER BY id;

-- POST /odd
-- @auth public
-- @none
INSERT INTO "o""d\d" VALUES (7);
SQL
start_admin -w 2
await 10 workers_are 2
boss=$("$prong" token add "$T/app" --role admin 2>/dev/null |
    grep -oE '[^ ]{32,}' | head -n 1)

cat >"$T/prometheus.yml" <<YML
global: {scrape_interval: 1s, scrape_timeout: 1s}
scrape_configs:
  - job_name: admin
    static_configs: [{targets: ["${ADMIN#http://}"]}]
  - job_name: token
    authorization: {credentials: "$boss"}
    static_configs: [{targets: ["${URL#http://}"]}]
  - job_name: nobody
    static_configs: [{targets: ["${URL#http://}"]}]
YML
setsid prometheus --config.file="$T/prometheus.yml" \
    --storage.tsdb.path="$T/data" --web.listen-address=127.0.0.1:0 \
    >"$T/prometheus.out" 2>&1 &
groups+=("$!")
await 20 grep -q 'Listening on' "$T/prometheus.out"
P=http://$(sed -n 's/.*Listening on.* address=//p' "$T/prometheus.out")

# health JOB: up, down or unknown.
health() {
    curl -s -m 5 "$P/api/v1/targets?state=active" >"$T/page"
    sqlite3 :memory: "SELECT json_extract(value, '\$.health')
        FROM json_each(CAST(readfile('$T/page') AS TEXT),
                       '\$.data.activeTargets')
        WHERE json_extract(value, '\$.labels.job') = '$1'"
}
is_in_health() {
    [ "$(health "$1")" = "$2" ]
}
# query EXPRESSION: its one value.
query() {
    curl -s -m 5 -G "$P/api/v1/query" --data-urlencode "query=$1" >"$T/page"
    sqlite3 :memory: "SELECT json_extract(
        CAST(readfile('$T/page') AS TEXT), '\$.data.result[0].value[1]')"
}
gives() {
    [ "$(query "$1")" = "$2" ]
}

for _ in 1 2 3 4 5 6 7; do expect 200 GET /items/1; done
expect 404 GET /items/999
for _ in 1 2 3 4; do expect 200 GET /kept/9; done
expect 204 POST /odd
expect 200 GET /kept/9
expect 504 GET /forever
await 20 is_in_health admin up
await 20 is_in_health token up
await 20 is_in_health nobody down

items='http_route="/items/{id}",job="admin"'
await 10 gives "sum(http_server_requests_total{$items})" 8
await 10 gives "sum(http_server_requests_total{$items,http_response_status_class=\"4xx\"})" 1
await 10 gives "http_server_request_duration_seconds_count{$items}" 8
await 10 gives "db_client_operation_duration_seconds_count{$items}" 8
await 10 gives 'sum(http_server_requests_total{http_route="/kept/{id}",job="token"})' 5
await 10 gives 'sum(prong_cache_requests_total{outcome="hit",job="token"})' 3
await 10 gives 'prong_cache_invalidations_total{table="o\"d\\d",job="admin"}' 1
await 10 gives 'prong_errors_total{kind="deadline",job="admin"}' 1
await 10 gives 'count(prong_alert{job="admin"} == 0)' 5
await 10 gives 'count(prong_memory_pss_bytes{job="admin"} > 0)' 4
late=$(query 'histogram_quantile(0.5,
    http_server_request_duration_seconds_bucket{http_route="/forever",job="admin"})')
awk "BEGIN { exit !($late > 0.25 && $late <= 1) }" || fail "a median of $late s"

victim=$(workers | head -n 1)
kill -KILL "$victim"
await 10 workers_but "$victim" 2
for _ in 1 2 3 4 5; do expect 200 GET /items/1; done
await 10 gives "sum(http_server_requests_total{$items})" 13
await 10 gives 'sum(prong_worker_crashes_total{job="admin"})' 1
await 10 gives 'sum(resets(http_server_requests_total{job="admin"}[1m]))' 0
await 10 gives 'sum(resets(prong_worker_busy_seconds_total{job="admin"}[1m]))' 0

page /metrics
header content-type 'text/plain; version=0.0.4; charset=utf-8'
promtool check metrics <"$T/body" >"$T/out" 2>&1 || fail "$(cat "$T/out")"
[ ! -s "$T/out" ] || fail "promtool says: $(cat "$T/out")"
stop
