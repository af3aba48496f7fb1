#!/bin/bash
# Goal: /api/monitoring/metrics adds up: in total, for the last minute, for
# each endpoint and each worker; it names what a worker is doing now; it is
# for operators only; without monitoring it is empty, and nothing breaks.
. "$(dirname "$0")/lib.sh"
. "$here/operators.sh"

unexpected='runtime error|Assertion' # signals are sent on purpose
make_app
cat >"$T/app/api/more.sql" <<'SQL'
-- GET /kept/{id}
-- @param id integer
-- @cache 1h
SELECT id, name FROM items WHERE id <= :id ORDER BY id;

-- GET /broken
-- @param n integer default 0
SELECT abs(:n - 9223372036854775807 - 1) AS n;

-- GET /three
-- @one
SELECT name FROM items WHERE id = 1;
SELECT name FROM items WHERE id <= 5;
SELECT count(*) AS n FROM items;
SQL
start_admin -w 2
await 10 workers_are 2
python3 - <<'PY'
from operators import await_, endpoint, metrics, samples
from client import Connection, check, same

CASES = [  # how often, status, method, path, header, endpoint
    (5, 200, "GET", "/items/1", (), "GET /items/{id}"),
    (2, 200, "HEAD", "/items/1", (), "GET /items/{id}"),
    (1, 404, "GET", "/items/999", (), "GET /items/{id}"),
    (1, 400, "GET", "/items/x", (), "GET /items/{id}"),
    (3, 304, "GET", "/items/1", ("If-None-Match: *",), "GET /items/{id}"),
    (2, 200, "GET", "/items?limit=20", (), "GET /items"),
    (3, 200, "GET", "/three", (), "GET /three"),
    (8, 200, "GET", "/kept/10", (), "GET /kept/{id}"),
    (4, 200, "GET", "/kept/50", ("Accept-Encoding: gzip",), "GET /kept/{id}"),
    (1, 504, "GET", "/forever", (), "GET /forever"),
    (2, 500, "GET", "/broken", (), "GET /broken"),
    (3, 404, "GET", "/nothing", (), "unmatched"),
    (2, 200, "GET", "/digits.txt", (), "static"),
]
before = metrics()
count, size, status, exact = {}, {}, {}, {}
for times, wanted, method, path, headers, name in CASES:
    for _ in range(times):
        with Connection() as c:
            c.ask(method, path, headers)
            answer = c.read(head=method == "HEAD")
        same(answer.status, wanted, f"{method} {path}")
        count[name] = count.get(name, 0) + 1
        size[name] = size.get(name, 0) + len(answer.body)
        word = f"{wanted // 100}xx"
        status[word] = status.get(word, 0) + 1
        exact[str(wanted)] = exact.get(str(wanted), 0) + 1
with Connection() as c:
    c.send("GET / HTTP/1.1\r\nno field\r\n\r\n")
    answer = c.read()
same(answer.status, 400, "what is no request")
count["refused"], size["refused"] = 1, len(answer.body)
status["4xx"] += 1
exact["400"] += 1


def all_counted():
    """Counting ends a moment after the client has its answer."""
    m = metrics()
    done = sum(endpoint(m, n).get("requests", 0) for n in count)
    return m if done == sum(count.values()) else None


m = await_(all_counted, "all requests counted")
for name in count:
    e = endpoint(m, name)
    same(e["requests"], count[name], f"requests of {name}")
    same(e["bytes"], size[name], f"bytes of {name}")
for name, what, wanted in [
    ("GET /items/{id}", "rows", 10), ("GET /items/{id}", "not_modified", 3),
    ("GET /items", "rows", 40), ("GET /items", "queries_per_request", 1),
    ("GET /three", "queries_per_request", 3), ("GET /three", "rows", 21),
    ("GET /forever", "errors", 1), ("GET /forever", "error_rate", 100),
    ("GET /broken", "errors", 2), ("unmatched", "queries_per_request", 0),
    ("GET /kept/{id}", "rows", 60), ("GET /items/{id}", "error_rate", 0),
]:
    same(endpoint(m, name)[what], wanted, f"{what} of {name}")

# The cache: two keys, of which each was computed once.
kept = endpoint(m, "GET /kept/{id}")
same(kept["cache"]["hits"], 10, "hits")
same(kept["cache"]["misses"], 2, "misses")
same(kept["cache"]["hit_rate"], 83.33, "hit rate")
same(kept["cache"]["stored"], 2, "stored")
for where in (m, m["last_minute"]):
    same(where["cache_stats"]["hits"], 10, "hits in total")
    same(where["cache_stats"]["misses"], 2, "misses in total")
same(m["cache_stats"]["entries"], 2, "entries")
same(m["compressed"], 1, "compressed once, then found so")

# The whole is the sum of its parts, also by class and kind.
same(m["requests"], sum(e["requests"] for e in m["endpoints"]), "requests")
same(m["requests"], sum(m["status"].values()), "requests by class")
same(m["rows"], sum(e["rows"] for e in m["endpoints"]), "rows")
same(m["bytes_out"], sum(e["bytes"] for e in m["endpoints"]), "bytes")
for word in ("3xx", "4xx", "5xx"):
    same(m["status"][word] - before["status"][word], status[word], word)
same(m["requests"], sum(m["by_status"].values()), "requests by status")
for code in exact.keys() - {"200"}:
    same(m["by_status"][code] - before["by_status"].get(code, 0), exact[code],
         code)
same(m["errors"], 3, "errors")
same({k: n for k, n in m["errors_by_kind"].items() if n},
     {"deadline": 1, "sql": 2}, "kinds of errors")
same(m["error_rate"], round(300 / m["requests"], 3), "error rate")
check(m["bytes_in"] > 37 * 30, "bytes of requests")

# The server is younger than a minute: the last minute is all there is.
for what in ("requests", "errors", "rows", "status", "bytes_out",
             "response_time", "db_query_time", "errors_by_kind"):
    got, wanted = m["last_minute"][what], m[what]
    if isinstance(wanted, dict):  # its maximum is read from the buckets
        got, wanted = dict(got, max=0), dict(wanted, max=0)
    same(got, wanted, f"{what} of the last minute")
check(0 < m["last_minute"]["seconds"] < 60, "seconds of the last minute")
rate = m["requests"] / max(1, m["last_minute"]["seconds"])
check(abs(m["requests_per_second"] - rate) < 0.1 * rate + 1, "rate")

# Times: one request took its deadline of 300 ms, the others far less.
for t in (m["response_time"], m["db_query_time"]):
    check(0 < t["p50"] <= t["p95"] <= t["p99"] <= t["max"], f"order: {t}")
    check(290 <= t["max"] < 3000, f"maximum: {t}")
    check(t["p50"] < 50, f"median: {t}")
forever = endpoint(m, "GET /forever")
for what in ("response_time", "db_query_time"):
    t = forever[what]
    check(abs(t["p50"] - t["max"]) <= 0.05 * t["max"], f"5 % off: {t}")


def workers_sum():
    m = metrics()
    return sum(w["requests"] for w in m["workers"]) >= m["requests"]


await_(workers_sum, "all requests with the workers")
for w in m["workers"]:
    check(w["ready"] and w["restarts"] == 0 and w["crashes"] == 0, f"{w}")
    check(0.1 < w["memory_mb"] <= w["memory_peak_mb"] < 200, f"memory: {w}")
    check(5 < w["descriptors"] < 100, f"descriptors: {w}")
check(0.5 < m["memory_usage"] < 500, f"memory: {m['memory_usage']}")
same(m["alerts"], [], "alerts")


def busy_seconds(worker):
    return samples()["prong_worker_busy_seconds_total", f'worker="{worker}"']


# What a worker is doing now, and how busy that makes it.
with Connection(timeout=60) as c:
    c.ask("GET", "/work?n=8000000", ("X-Request-ID: long-one",))

    def present():
        found = [w for w in metrics()["workers"] if w["present_request"] and
                 w["present_request"]["id"] == "long-one"]
        return found and found[0]["present_request"]["phase"] == "sql" and found

    first = await_(present, "the request shown with its worker")[0]
    shown = first["present_request"]
    same(shown["endpoint"], "GET /work", "present endpoint")
    same(shown["path"], "/work", "present path")
    same(shown["statement"], 1, "present statement")
    busy_before = busy_seconds(first["worker"])
    second = await_(present, "the request shown again")[0]["present_request"]
    check(second["for_ms"] > shown["for_ms"], "its time goes on")
    same(c.read().status, 200, "/work")


def has_been_busy():
    return busy_seconds(first["worker"]) - busy_before >= 0.8 * sql_seconds


def busy_percents():
    return {w["worker"]: w["busy_percent"] for w in metrics()["workers"]}


# A turn of its loop counts when it is over.
sql_seconds = second["for_ms"] / 1e3
await_(has_been_busy, "the busy time of the long query")
busy = busy_percents()
check(all(0 <= b <= 100 for b in busy.values()), f"busy: {busy}")
check(busy[first["worker"]] > 5, f"busy: {busy}")
for w in metrics()["workers"]:
    now = w["present_request"]
    check(now is None or now["id"] != "long-one", f"still at work: {w}")
PY

# ---- who may see it

common=$("$prong" token add "$T/app" --user 7 | grep -oE '[^ ]{32,}' | head -n 1)
boss=$("$prong" token add "$T/app" --role admin | grep -oE '[^ ]{32,}' | head -n 1)
for path in /metrics /api/monitoring/metrics /api/monitoring/system \
    /api/monitoring/requests /api/monitoring/requests/x /api/cache/stats; do
    expect 401 GET "$path"
    header www-authenticate Bearer
    expect 401 GET "$path" -H 'Authorization: Bearer nobody'
    expect 403 GET "$path" -H "Authorization: Bearer $common"
    case $path in */x) found=404 ;; *) found=200 ;; esac
    expect $found GET "$path" -H "Authorization: Bearer $boss"
    URL=$ADMIN expect $found GET "$path"
    [ $found = 404 ] || header cache-control no-store
done
expect 401 POST /api/cache/clear
expect 403 POST /api/cache/clear -H "Authorization: Bearer $common"
expect 200 POST /api/cache/clear -H "Authorization: Bearer $boss"
# A page's own name that has become our address is no operator.
for told in 127.0.0.1 192.0.2.1; do
    URL=$ADMIN expect 403 GET /api/monitoring/system \
        -H "Host: evil.example:$ADMIN_PORT" -H "X-Forwarded-For: $told"
done
URL=$ADMIN expect 200 GET /api/monitoring/system -H 'Host: localhost'
expect 200 GET /api/health
expect 405 POST /api/monitoring/metrics -H "Authorization: Bearer $boss"
stop

# ---- on a unix socket, and without monitoring

start --admin-bind "unix:$T/admin.sock" --monitoring off -w 2
await 10 workers_are 2
for i in 1 2 3; do expect 200 GET "/items/$i"; done
expect 500 GET /broken
expect 401 GET /metrics
for path in metrics api/monitoring/metrics api/monitoring/system \
    api/monitoring/requests; do
    URL=http://admin expect 200 GET "/$path" --unix-socket "$T/admin.sock"
done
json '$.recent' '[]'
json '$.failed' '[]'
URL=http://admin expect 200 GET /api/monitoring/metrics \
    --unix-socket "$T/admin.sock"
json '$.requests' 0
json '$.endpoints' '[]'
json '$.response_time.max' 0
victim=$(workers | head -n 1)
kill -KILL "$victim"
await 10 workers_but "$victim" 2
expect 200 GET /items/1
stop
[ ! -e "$T/admin.sock" ] || fail "the admin's socket is left"
