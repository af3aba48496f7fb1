#!/bin/bash
# Goal: --daemon leaves the terminal and says so with exit code 0 once the
# socket is there; --pid names the master, refuses a second server, and is
# removed at the end; a stale pid file is no obstacle.
. "$(dirname "$0")/lib.sh"

make_app
arguments=(-b "unix:$T/s" --pid "$T/pid" --error-logfile "$T/log" -w 2)
echo 999999999 >"$T/pid" # stale
"$prong" --daemon "${arguments[@]}" "$T/app" >"$T/out" 2>&1 ||
    fail "the start: exit code $?"
[ ! -s "$T/out" ] || fail "it says: $(cat "$T/out")"
has_pid() {
    PID=$(cat "$T/pid") && [ "$PID" != 999999999 ] && kill -0 "$PID"
}
await 10 has_pid
has_pid
groups+=("$PID")
unix_ready() {
    curl -sf --unix-socket "$T/s" http://live/ready
}
await 10 unix_ready
[ "$(ps -o tty= -p "$PID")" = '?' ] || fail "it has a terminal"
[ "$(ps -o sid= -p "$PID")" -ne "$(ps -o sid= -p $$)" ] || fail "our session"

code=0
"$prong" "${arguments[@]}" "$T/app" >"$T/out" 2>&1 </dev/null || code=$?
[ "$code" -ne 0 ] || fail "a second server with the same pid file"
grep -qE "Already running on PID $PID" "$T/out" "$T/log" ||
    fail "no 'Already running': $(cat "$T/out")"
unix_ready || fail "the first server is gone"

kill -TERM "$PID"
await 20 gone "$PID"
[ ! -e "$T/pid" ] || fail "the pid file is still there"
[ ! -e "$T/s" ] || fail "the socket is still there"

# Without an error log nobody hears of it again: that is said while one can.
"$prong" --daemon -b "unix:$T/s" --pid "$T/pid" -w 1 "$T/app" >"$T/out" 2>&1 ||
    fail "the start: exit code $?"
await 10 has_pid
has_pid
groups+=("$(ps -o pgid= -p "$PID" | tr -d ' ')")
grep -q 'without --error-logfile: logs go to /dev/null' "$T/out" ||
    fail "it says: $(cat "$T/out")"
await 10 unix_ready
"$prong" ctl "$T/app" stop >"$T/out" 2>&1 || fail "$(cat "$T/out")"
[ "$(cat "$T/out")" = Stopped ] || fail "stop says: $(cat "$T/out")"
gone "$PID" || fail "it said that it had stopped"
