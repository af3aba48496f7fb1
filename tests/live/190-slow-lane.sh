#!/bin/bash
# Goal: while statements take seconds, the one worker there is answers
# everybody else: health, cached answers and 304s, quick reads, writes. Also
# during a sort. More slow ones than threads wait for each other.
. "$(dirname "$0")/lib.sh"

make_app
cat >"$T/app/api/slow.sql" <<'SQL'
-- GET /endless/{n}
-- @param n integer
-- @timeout 2s
-- @value
WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c WHERE x < :n)
SELECT count(*) FROM c;

-- GET /unknown
-- @value
WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c)
SELECT count(*) FROM c;

-- GET /said
-- @slow
-- @timeout 3s
-- @value
WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c)
SELECT count(*) FROM c;

-- GET /sorted
-- @timeout 60s
-- @one
WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c WHERE x < 600000)
SELECT count(*) AS n FROM (SELECT 1 FROM c GROUP BY hex(x * 7919 % 1000003) || 'x');

-- GET /kept
-- @cache 1h
SELECT id, name FROM items LIMIT 3;
SQL

slow=()
# behind PATH…: begins requests that take long.
behind() {
    local path
    slow=()
    for path in "$@"; do
        curl -s -m 60 -o /dev/null -w '%{http_code}\n' "$URL$path" \
            >>"$T/slow" &
        slow+=($!)
    done
    await 5 at_work
}

at_work() {
    curl -s -m 2 "$ADMIN/api/monitoring/requests?list=current" >"$T/body" &&
        [ "$(grep -o '"phase":"sql"' "$T/body" | wc -l)" -ge 1 ]
}

# So many statements run.
away() {
    at_work && [ "$(grep -o '"phase":"sql"' "$T/body" | wc -l)" -eq "$1" ]
}

# Those that run are not through; those that wait for a thread may have given
# up (a quarter of their time).
unfinished() {
    local pid
    for pid in "${slow[@]}"; do
        ! kill -0 "$pid" 2>/dev/null || return 0
    done
    fail "the slow ones were first"
}

# others TIMES [cheap]: they are answered while the slow ones are not; only
# what costs no SQL, if it is to be cheap. Each on a connection of its own.
others() {
    python3 - "$@" <<'PY'
from client import Connection, check, same
import sys
import time


def ask(status, method, path, headers=(), body=b""):
    since = time.monotonic()
    with Connection() as c:
        c.ask(method, path, headers, body)
        answer = c.read()
    print(f"{method} {path}: {(time.monotonic() - since) * 1000:.0f} ms")
    same(answer.status, status, f"{method} {path}: {answer}")
    return answer


for _ in range(int(sys.argv[1])):
    ask(200, "GET", "/api/health")
    kept = ask(200, "GET", "/kept")
    check("; hit" in kept.headers["cache-status"], f"not from the cache: {kept}")
    ask(304, "GET", "/kept", [f"If-None-Match: {kept.headers['etag']}"])
    if "cheap" in sys.argv:
        continue
    ask(200, "GET", "/items/1")
    ask(201, "POST", "/items", ["Content-Type: application/json"],
        b'{"name": "others %d"}' % time.time_ns())
    ask(200, "GET", "/kept")  # the write has outdated it
PY
    unfinished
}

admin_port=$(python3 -c 'import socket; s = socket.socket()
s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
ADMIN=http://127.0.0.1:$admin_port
start -w 1 --admin-bind "$admin_port"
expect 200 GET /kept

behind /sorted
others 3
wait "${slow[@]}"
[ "$(cat "$T/slow")" = 200 ] || fail "sorted: $(cat "$T/slow")"
rm "$T/slow"

behind /endless/1000000000 /endless/1000000001 /endless/1000000002 \
    /endless/1000000003 /endless/1000000004 /endless/1000000005
others 3
wait "${slow[@]}"
# The two that began are stopped at their time; those behind them waited for a
# thread.
[ "$(grep -c 504 "$T/slow")" -ge 2 ] || fail "stopped: $(cat "$T/slow")"
[ "$(grep -cE '50[34]' "$T/slow")" -eq 6 ] || fail "slow: $(cat "$T/slow")"

# All threads but one are in statements: the last one keeps to what is cheap.
# A quick stop does not wait for them.
behind /said /said
await 5 away 2
said=("${slow[@]}")
behind /unknown
await 5 away 3
slow+=("${said[@]}")
others 1 cheap
kill -INT "$PID"
ended 5 0
wait "${slow[@]}" || true
