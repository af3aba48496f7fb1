#!/bin/bash
# Goal: a worker that dies by a signal is replaced at once, the log says how
# it died, and the others and the socket live on.
. "$(dirname "$0")/lib.sh"

unexpected='runtime error|Assertion' # signals are sent on purpose
make_app
start -w 2
await 10 workers_are 2
replaced() {
    [ "$(workers | wc -l)" -eq 2 ] && ! workers | grep -qx "$1"
}
for signal in KILL SEGV ABRT; do
    victim=$(workers | head -n 1)
    kill "-$signal" "$victim"
    await 10 replaced "$victim"
    expect 200 GET /items/1
done
logged 'Worker \(pid:[0-9]+\) was sent SIGKILL! Perhaps out of memory\?' ||
    fail "SIGKILL is not explained"
# Sanitizers turn the other two into an exit code of their own.
logged 'Worker \(pid:[0-9]+\) (was sent SIGSEGV|exited with code)' ||
    fail "SIGSEGV is not logged"

# All at once, under requests: none hangs, and all workers come back.
all=$(workers)
# shellcheck disable=SC2086  # two process ids
kill -KILL $all
for _ in 1 2 3 4 5; do expect 200 GET /items/1; done
await 10 workers_are 2
stop
