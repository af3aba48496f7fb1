#!/bin/bash
# Goal: a worker that is stopped (SIGSTOP) is noticed and another one stands in
# for it, so that no new client waits; if it goes on, that one goes.
. "$(dirname "$0")/lib.sh"
. "$here/steady.sh"

# New clients only: those of a stopped worker wait for it, or for its end.
cat >"$T/newcomers.py" <<'END'
import os, time
from client import Connection, check

waits = []
while not os.path.exists(os.environ["T"] + "/enough"):
    began = time.monotonic()
    with Connection(timeout=3) as c:
        c.ask("GET", "/items/1", ["Connection: close"])
        check(c.read().status == 200, "an answer")
    waits.append(time.monotonic() - began)
    open(os.environ["T"] + "/begun", "w").close()
print(len(waits), "newcomers, the longest wait", round(max(waits) * 1e3), "ms")
END

begin_newcomers() {
    rm -f "$T/enough" "$T/begun"
    python3 "$T/newcomers.py" >"$T/load" 2>&1 &
    load=$!
}

make_app
start -w 3
await 10 workers_are 3
for _ in 1 2; do
    before=$(workers)
    sleeper=$(head -n 1 <<<"$before")
    begin_newcomers
    await 5 test -e "$T/begun"
    kill -STOP "$sleeper"
    await 10 logged "Worker \(pid:$sleeper\) was stopped"
    await 10 workers_are 4
    kill -CONT "$sleeper"
    await 10 workers_are 3
    if gone "$sleeper"; then
        fail "the one that had stood in was to go"
    fi
    end_load
done
stop
