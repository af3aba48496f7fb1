#!/bin/bash
# Goal: /api/monitoring/system agrees with /proc and stat(1): CPU, load,
# memory, disk, database, descriptors, processes; before the keeper's first
# sample it says null, not 0.
. "$(dirname "$0")/lib.sh"
. "$here/operators.sh"

unexpected='runtime error|Assertion' # the keeper is killed on purpose
make_app
cat >>"$T/app/api/items.sql" <<'SQL'

-- POST /bulk
-- @auth public
-- @param n integer
-- @none
INSERT INTO items (name) WITH RECURSIVE c(x) AS
    (SELECT 1 UNION ALL SELECT x + 1 FROM c LIMIT :n)
SELECT printf('bulk %d %0200d', x, x) FROM c;
SQL
start_admin -w 2
await 10 workers_are 2
expect 204 POST '/bulk?n=2000'

# A keeper that begins takes a sample at once; it begins after a second.
old=$(keeper)
taken_after() { # TIME: the last sample is from a second later at least
    local age now
    age=$(value /api/monitoring/system '$.age_seconds')
    now=$(date +%s.%N)
    awk "BEGIN { exit !(\"$age\" != \"null\" && $now - $age > $1 + 0.9) }"
}
sampled() {
    [ "$(value /api/monitoring/system '$.age_seconds')" != null ]
}
await 10 sampled
killed_at=$(date +%s.%N)
kill -KILL "$old"
await 10 taken_after "$killed_at"
cat <(keeper) <(workers) >"$T/pids"
echo "$PID" >>"$T/pids"
page /api/monitoring/system
python3 - "$T/body" "$T/pids" "$T/app/live.db" "$(nproc)" <<'PY'
import json, os, re, sys
from client import check, same

s = json.load(open(sys.argv[1], encoding="utf-8"))
pids = sorted(int(p) for p in open(sys.argv[2], encoding="ascii"))
database, cpus = sys.argv[3], int(sys.argv[4])


def near(got, wanted, part, what):
    check(abs(got - wanted) <= part * wanted, f"{what}: {got}, not {wanted}")


def field(file, name):
    with open(file, encoding="ascii") as f:
        found = re.search(rf"^{name}:?\s+(\d+)", f.read(), re.M)
    return int(found.group(1)) if found else 0


# The machine.
same(s["cpus"], cpus, "CPUs")
for got, now in zip(s["load"], os.getloadavg()):
    check(abs(got - now) < 3, f"load: {s['load']} and {os.getloadavg()}")
near(s["memory"]["total_mb"], field("/proc/meminfo", "MemTotal") / 1024, 0.001,
     "memory")
near(s["memory"]["available_mb"], field("/proc/meminfo", "MemAvailable") / 1024,
     0.3, "memory available")
used = 100 * (1 - s["memory"]["available_mb"] / s["memory"]["total_mb"])
check(abs(s["memory"]["used_percent"] - used) < 0.1, "memory used")
disk = os.statvfs(os.path.dirname(database))
near(s["disk"]["total_bytes"], disk.f_blocks * disk.f_frsize, 0.001, "disk")
near(s["disk"]["free_bytes"], disk.f_bavail * disk.f_frsize, 0.2, "free disk")
check(0 <= s["disk"]["used_percent"] <= 100, "disk used")

# The database.
same(s["database"]["bytes"], os.stat(database).st_size, "database")
same(s["database"]["wal_bytes"], os.stat(database + "-wal").st_size, "WAL")
check(s["database"]["wal_bytes"] > 100000, f"WAL: {s['database']}")

# The processes: what each reports of itself, and the sums.
listed = s["process_list"]
same(sorted(p["pid"] for p in listed), pids, "processes")
same(s["processes"], 4, "how many")
same(sorted(p["role"] for p in listed), ["keeper", "master", "worker", "worker"],
     "roles")
for p in listed:
    proc = f"/proc/{p['pid']}"
    try:
        pss = field(f"{proc}/smaps_rollup", "Pss")
    except OSError:  # the resident size then
        pss = field(f"{proc}/status", "VmRSS")
    check(pss / 8 < p["memory_mb"] * 1024 < pss * 8, f"{pss} kB: {p}")
    check(p["memory_mb"] <= p["memory_peak_mb"] + 0.1, f"peak: {p}")
    if p["role"] != "master":  # that one's was reached before its exec
        peak = field(f"{proc}/status", "VmHWM")
        check(p["memory_peak_mb"] * 1024 <= peak + 200, f"peak {peak}: {p}")
    check(abs(p["descriptors"] - len(os.listdir(f"{proc}/fd"))) <= 6,
          f"descriptors: {p}")
    with open(f"{proc}/stat", encoding="ascii") as f:
        ticks = sum(map(int, f.read().rsplit(")", 1)[1].split()[11:13]))
    check(p["cpu_seconds"] <= ticks / os.sysconf("SC_CLK_TCK") + 0.03, f"CPU: {p}")
    check(0 <= p["uptime_seconds"] <= 60, f"uptime: {p}")
same(s["descriptors"], sum(p["descriptors"] for p in listed), "descriptors")
check(abs(s["memory_usage"] - sum(p["memory_mb"] for p in listed)) < 0.5,
      f"memory of all: {s['memory_usage']}")
check(0 <= s["age_seconds"] < 6, f"age: {s['age_seconds']}")
check(0 <= s["cpu_percent"] <= 100 * cpus + 5, f"CPU: {s['cpu_percent']}")
check(0 <= s["uptime_seconds"] < 60 and s["backlog"] == 0, "uptime, backlog")
check(s["connections"] >= 1, "this connection")
PY
stop

# ---- before the first sample

# The keeper begins when the first worker serves; requests that lie ready then
# may be answered before it has looked. Which comes first is chance; the server
# is held back until they are sent.
cat >"$T/held" <<SH
#!/bin/sh
until [ -e "$T/go" ]; do sleep 0.01; done
exec "$prong" "\$@"
SH
chmod +x "$T/held"
boss=$("$prong" token add "$T/app" --role admin 2>/dev/null |
    grep -oE '[^ ]{32,}' | head -n 1)
for try in 1 2 3 4 5 6 7 8; do
    rm -f "$T/go"
    prong=$T/held launch -w 1 "$T/app"
    python3 - "$boss" "$T/go" >"$T/seen" <<'PY'
from client import Connection, check, same
import json
import sys

asked = []
for _ in range(8):
    asked.append(Connection())
    asked[-1].ask("GET", "/api/monitoring/system",
                  (f"Authorization: Bearer {sys.argv[1]}",))
with open(sys.argv[2], "w", encoding="ascii"):
    word = "sampled"
for c in asked:
    answer = c.read()
    same(answer.status, 200, "the page at the beginning")
    s = json.loads(answer.body)
    unknown = [s["age_seconds"] is None, s["cpu_percent"] is None,
               s["load"] == [None] * 3, s["memory_usage"] is None,
               s["memory"]["total_mb"] is None, s["processes"] is None,
               s["disk"]["free_bytes"] is None, s["descriptors"] is None,
               s["database"]["bytes"] is None]
    check(all(unknown) or not any(unknown), f"all or nothing: {s}")
    check("master" in [p["role"] for p in s["process_list"]], "processes")
    if all(unknown):
        word = "null"
print(word)
PY
    stop
    ! grep -q null "$T/seen" || break
done
grep -q null "$T/seen" || echo "the keeper was always first, in $try tries"
