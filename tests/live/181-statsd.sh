#!/bin/bash
# Goal: --statsd-host gets, each second, counters that add up to the requests
# made, whoever dies; times whose counts do too; gauges; prefix and tags; all
# in datagrams of one frame.
. "$(dirname "$0")/lib.sh"

unexpected='runtime error|Assertion' # a worker is killed on purpose
make_app
setsid python3 - "$T/heard" "$T/at" <<'PY' &
import os, socket, sys

s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.bind(("127.0.0.1", 0))
with open(sys.argv[2] + ".new", "w") as out:
    out.write(str(s.getsockname()[1]))
os.rename(sys.argv[2] + ".new", sys.argv[2])
with open(sys.argv[1], "a", buffering=1) as out:
    while True:
        datagram = s.recv(65536).decode()
        out.write(f"{len(datagram)}\n{datagram}\n")
PY
groups+=("$!")
await 10 test -e "$T/at"

start -w 2 --statsd-host "127.0.0.1:$(cat "$T/at")" --statsd-prefix eu. \
    --dogstatsd-tags app:shop
await 10 workers_are 2
for i in $(seq 40); do expect 200 GET "/items/$((i % 5 + 1))"; done
for i in 1 2 3; do expect 404 GET "/nothing/$i"; done
first=$(workers | head -n 1)
kill -KILL "$first"
await 10 gone "$first"
await 10 workers_are 2
await 10 is_ready
for i in 1 2; do expect 404 GET "/nothing/$i"; done
heard() { grep -q -- "$1" "$T/heard"; }
await 10 heard '^eu.prong.workers:2|g|#app:shop$'
stop # what the last second had is sent at the end
python3 - "$T/heard" <<'PY'
import re, sys
from client import check, same

sums, gauges, times, kinds = {}, {}, 0, {}
for line in open(sys.argv[1]).read().splitlines():
    if line.isdigit():
        check(int(line) <= 1432, f"a datagram of {line} bytes")
        continue
    m = re.fullmatch(r"eu\.(prong\.[a-z0-9.]+):([0-9.]+)\|(c|g|ms)"
                     r"(?:\|@([0-9.]+))?\|#app:shop", line)
    check(m, f"not a figure: {line}")
    name, value, kind, rate = m.groups()
    same(kinds.setdefault(name, kind), kind, name)
    if kind == "c":
        sums[name] = sums.get(name, 0) + int(value)
    elif kind == "g":
        gauges.setdefault(name, set()).add(int(value))
    else:
        check(0 < float(value) < 10000, line)
        times += int(1 / float(rate or 1))
same(sums["prong.request.status.404"], 5, "refusals")
check(sums["prong.request.status.200"] >= 41, f"answers: {sums}")
codes = sum(n for name, n in sums.items() if "status" in name)
same(sums["prong.requests"], codes, "requests and their statuses")
same(times, sums["prong.requests"], "times and requests")
check(2 in gauges["prong.workers"], f"workers: {gauges}")
check({"prong.connections", "prong.backlog"} <= set(gauges), f"{gauges}")
check(sums["prong.log.error"] + sums.get("prong.log.warning", 0) >= 1,
      "the death of a worker is in the log")
print(sums, times, gauges)
PY
