#!/bin/bash
# Goal: the keeper comes back when it was killed, is exchanged by a reload, is
# never counted as a worker and stops with the server. performance.jsonl has
# its members, is rotated by size and count, and follows a rename.
. "$(dirname "$0")/lib.sh"
. "$here/operators.sh"

unexpected='runtime error|Assertion' # the keeper is killed on purpose
make_app
log=$T/performance.jsonl
start_admin -w 2 --performance-log "$log" --performance-interval 1 \
    --performance-log-size 4K --performance-log-count 2
await 10 workers_are 2
another_keeper() { # PID: there is one, and it is not that one
    [ "$(keeper | wc -l)" -eq 1 ] && ! keeper | grep -qx "$1"
}
await 10 another_keeper 0
first=$(keeper)
before=$(workers)

# ---- killed, exchanged, never a worker

# Each line is written once: rows of JSON by the end of the script.
for i in 1 2 3 4 5; do expect 200 GET "/items/$i"; done
page /api/monitoring/metrics
json '$.keeper' "$first"
[ "$(value /api/monitoring/metrics '$.workers[2].pid')" = null ] ||
    fail "the keeper is among the workers"
kill -KILL "$first"
await 10 another_keeper "$first"
second=$(keeper)
logged "Keeper \(pid:$first\) was sent SIGKILL" || fail "its death is not told"
logged 'The keeper died, next try in 1 s' || fail "no patience with it"
await 10 shows /api/monitoring/metrics '$.keeper' "$second"
[ "$(workers)" = "$before" ] || fail "workers went with the keeper"
kill -TTOU "$PID"
await 20 workers_are 1
[ "$(keeper)" = "$second" ] || fail "TTOU took the keeper"
kill -TTIN "$PID"
await 10 workers_are 2
kill -HUP "$PID"
await 20 another_keeper "$second"
third=$(keeper)
await 10 shows /api/monitoring/metrics '$.keeper' "$third"
shows /api/monitoring/metrics '$.workers[0].crashes' 0 ||
    fail "a keeper's death was counted as a worker's"

# ---- its lines

enough_lines() {
    [ "$(cat "$log"* | wc -l)" -ge 2 ]
}
await 10 enough_lines
# A file that is nearly full is renamed before the next line; twice, and what
# was there first is the third.
filled() { # LETTER: appends a line of 4000 bytes
    printf '{"time":"%s"}\n' "$(printf '%04000d' 0 | tr 0 "$1")" >>"$log"
}
holds() { # FILE LETTER
    grep -q "\"time\":\"$2$2$2" "$log$1"
}
filled a
await 10 holds .1 a
filled b
await 10 holds .1 b
holds .2 a || fail "the first one is not the second now"
filled c
await 10 holds .1 c
holds .2 b || fail "the second one is not the third now"
[ ! -e "$log.3" ] || fail "three renamed ones are kept"
[ "$(stat -c %s "$log")" -le 4096 ] || fail "the file is too large"
one_line() {
    [ -s "$log" ]
}
await 10 one_line
stop
gone "$third" || fail "the keeper outlived the server"
python3 - "$log"* <<'PY'
import json, sys
from client import check, same

MEMBERS = {"time": str, "interval_s": (int, float), "requests": int,
           "requests_per_second": (int, float), "response_time": dict,
           "db_query_time": dict, "queries_per_request": (int, float),
           "error_rate": (int, float), "cache_hit_rate": (int, float),
           "memory_usage": (int, float), "cpu_percent": (int, float),
           "connections": int, "workers": int, "alerts": list}
seen = 0
for name in sys.argv[1:]:
    for text in open(name, encoding="utf-8"):
        check(text.endswith("\n"), f"{name}: a torn line")
        line = json.loads(text)
        if list(line) == ["time"]:  # the script's own
            continue
        seen += 1
        same(set(line), set(MEMBERS), f"{name}: members")
        for key, kind in MEMBERS.items():
            check(isinstance(line[key], kind), f"{key}: {line[key]!r}")
        for t in (line["response_time"], line["db_query_time"]):
            check({"avg", "p95", "p99"} <= set(t), f"times: {t}")
        check(0.3 < line["interval_s"] < 30, f"interval: {line}")
        check(1 <= line["workers"] <= 4, f"workers: {line}")
        check(0.5 < line["memory_usage"] < 1000, f"memory: {line}")
        check(line["requests"] >= 0 and line["error_rate"] <= 100, f"{line}")
check(seen >= 1, "no lines of the server's own")
PY

# ---- renamed by others; and what it cannot write holds nobody up

rm -f "$log"*
start_admin -w 1 --performance-log "$log" --performance-interval 86400
await 10 test -e "$log"
for i in 1 2 3 4 5 6 7; do expect 200 GET "/items/$i"; done
mv "$log" "$log.moved"
kill -USR1 "$PID"
await 10 test -e "$log"
seven() { # the last minute has them
    [ "$(value /api/monitoring/metrics '$.rows')" = 7 ]
}
await 10 seven
long_enough() { # a line of less than a second is not written
    [ "$(value /api/monitoring/metrics '$.uptime_seconds')" -ge 2 ]
}
await 10 long_enough
stop
[ ! -s "$log.moved" ] || fail "the renamed file is still written"
[ "$(wc -l <"$log")" -eq 1 ] || fail "not one line at the end: $(cat "$log")"
cp "$log" "$T/body"
[ "$(sqlite3 :memory: "SELECT json_extract(CAST(readfile('$log') AS TEXT),
    '\$.requests') >= 7")" = 1 ] || fail "the last line: $(cat "$log")"

mkfifo "$T/pipe"
for target in /dev/full "$T/pipe" "$T/nowhere/file"; do
    start_admin -w 1 --performance-log "$target" --performance-interval 1
    await 10 logged "$target: cannot be"
    expect 200 GET /items/1
    stop
    [ "$(grep -ac "$target: cannot be" "$T/log")" -eq 1 ] ||
        fail "more than one complaint about $target"
done
