#!/bin/bash
# Goal: with more work than a worker can do, requests that need SQL are refused
# at once, so that those that are served do not wait; health and cached answers
# are given all the time; and it is over when the work is.
. "$(dirname "$0")/lib.sh"
. "$here/operators.sh"

make_app
cat >>"$T/app/api/work.sql" <<'SQL'

-- GET /kept
-- @cache 1h
SELECT 1 AS one;
SQL
start_admin -w 1 --threads 1 --shed-ms 200 --keep-alive 10
expect 200 GET /kept
python3 - <<'PY'
import threading
import time

from client import Connection, check, same

END = time.monotonic() + 1.2
answers = []


def press():
    with Connection() as c:
        while time.monotonic() < END:
            start = time.monotonic()
            answer = c.get("/work?n=100000")  # some 10 ms
            answers.append((answer.status, time.monotonic() - start))
            if answer.status == 503:
                same(answer.headers.get("retry-after"), "1", "Retry-After")
                time.sleep(0.02)


def look(path):
    with Connection() as c:
        while time.monotonic() < END:
            same(c.get(path).status, 200, path)
            time.sleep(0.05)


threads = [threading.Thread(target=press) for _ in range(100)]
threads += [threading.Thread(target=look, args=(p,)) for p in ("/kept", "/live")]
for t in threads:
    t.start()
for t in threads:
    t.join()
same({s for s, _ in answers}, {200, 503}, "answers")
slow = sorted(took for status, took in answers if status == 200)
check(len(slow) > 5, f"served: {len(slow)}")
with Connection() as c:
    same(c.get("/work?n=1").status, 200, "after it")
PY
logged 'WARNING.*Overloaded: requests wait longer than 200 ms'
! logged 'Overloaded' 2 || fail "told of too often"
[ "$(value /api/monitoring/metrics '$.refused_by_limit.load')" -gt 0 ] ||
    fail "not counted"
stop
