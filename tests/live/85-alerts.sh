#!/bin/bash
# Goal: alerts rise when what the app allows is exceeded for long enough, and
# clear again, each once: on the page of metrics, in the log, in Prometheus'
# text, and by the app's command. (A sample is taken each 5 s, so this takes
# 20 s.)
. "$(dirname "$0")/lib.sh"
. "$here/operators.sh"

make_app
cat >>"$T/app/app.conf" <<CONF
[alerts]
response_time = 40ms
db_query_time = 30ms
memory_usage = 1
cache_hit_rate = 60
error_rate = 2
min_requests = 10
hold = 1s
command = echo "\$PRONG_ALERT \$PRONG_ALERT_STATE \$PRONG_ALERT_VALUE \$PRONG_ALERT_THRESHOLD \$PRONG_APP" >>$T/commands
CONF
cat >"$T/app/api/kept.sql" <<'SQL'
-- GET /kept/{id}
-- @param id integer
-- @cache 1h
SELECT name FROM items WHERE id = :id;
SQL
start_admin -w 2
await 10 workers_are 2
ALL='cache_hit_rate db_query_time error_rate memory_usage response_time'

# active: the alerts that are raised, in order.
active() {
    curl -s -m 5 "$ADMIN/api/monitoring/metrics" >"$T/page"
    sqlite3 -separator ' ' :memory: "SELECT group_concat(name, ' ') FROM (
        SELECT json_extract(value, '\$.alert') AS name
          FROM json_each(CAST(readfile('$T/page') AS TEXT), '\$.alerts')
         ORDER BY 1)"
}
gauges() { # VALUE: how many alerts have it in Prometheus' text
    curl -s -m 5 "$ADMIN/metrics" | grep -c "^prong_alert{.*} $1\$" || true
}

# Slow, failing, and never from the cache; and the memory is too much anyway.
for i in 1 2 3 4; do
    expect 504 GET /forever
    for j in 1 2 3; do expect 200 GET "/kept/$i$j"; done
done
[ -z "$(active)" ] || fail "an alert without its hold time: $(active)"
# Waiting by the log: pages would be requests, and fast ones.
await 15 logged '\[WARNING\] Alert: ' 5
[ "$(active)" = "$ALL" ] || fail "active: $(active)"
[ "$(gauges 1)" -eq 5 ] || fail "not all gauges say 1"
page /api/monitoring/metrics
python3 - "$T/body" <<'PY'
import json, sys
from client import check

for a in json.load(open(sys.argv[1], encoding="utf-8"))["alerts"]:
    below = a["alert"] == "cache_hit_rate"
    check((a["value"] < a["threshold"]) == below, f"value: {a}")
    check(a["since"].endswith("Z"), f"since: {a}")
PY

# Fast ones, in such a number that the minute's means and shares are good
# again; the memory is allowed by a reload.
python3 - <<'PY'
from client import Connection, same

with Connection() as c:
    for i in range(1500):
        same(c.get(f"/kept/{i % 5}").status, 200, "a hit")
        same(c.get("/items/1").status, 200, "a fast query")
PY
sed -i 's/^memory_usage.*/memory_usage = off/' "$T/app/app.conf"
kill -HUP "$PID"
await 20 logged '\[INFO\] Alert cleared: ' 5
[ -z "$(active)" ] || fail "active: $(active)"
[ "$(gauges 0)" -eq 5 ] || fail "a gauge still says 1"
told() {
    [ "$(wc -l <"$T/commands")" -ge 10 ]
}
await 10 told
stop

# Each rose once and cleared once; the command was told the same.
for alert in $ALL; do
    [ "$(grep -ac "\[WARNING\] Alert: $alert " "$T/log")" -eq 1 ] ||
        fail "$alert did not rise once"
    [ "$(grep -ac "\[INFO\] Alert cleared: $alert " "$T/log")" -eq 1 ] ||
        fail "$alert did not clear once"
    for state in rising cleared; do
        [ "$(grep -c "^$alert $state " "$T/commands")" -eq 1 ] ||
            fail "$alert $state: $(cat "$T/commands")"
    done
done
[ "$(wc -l <"$T/commands")" -eq 10 ] || fail "$(cat "$T/commands")"
grep -qE '^error_rate rising [0-9]+\.[0-9]{3} 2 live$' "$T/commands" ||
    fail "the command's environment: $(cat "$T/commands")"
grep -qE '^memory_usage cleared [0-9.]+ 0 live$' "$T/commands" ||
    fail "the command's environment: $(cat "$T/commands")"
logged 'Alert: response_time [0-9.]+ ms is above 40 ms' || fail "the words"
logged 'Alert cleared: memory_usage is switched off' || fail "the words"
