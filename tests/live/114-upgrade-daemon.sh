#!/bin/bash
# Goal: in the background an upgrade is in the background too: the same folder
# of the start for -c, no terminal, and what a new master says before it has a
# log stands in ours.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/cache.sh"
. "$(dirname "$0")/upgrade.sh"

prepare
cd "$T"
echo 'workers = 1' >conf
"$prong" --daemon -c conf --chdir / -b "unix:$T/s" --pid "$T/pid" \
    --error-logfile "$T/log" "$T/app" || fail "the start: exit code $?"
on_socket() {
    curl -sf -m 5 -o /dev/null --unix-socket "$T/s" http://live/ready
}
await 10 on_socket
PID=$(cat "$T/pid")
groups+=("$PID" "$(ps -o pgid= -p "$PID" | tr -d ' ')")
echo 'nonsense = 1' >>conf
kill -USR2 "$PID"
await 10 logged 'The new master .* exited with code 2, and we go on'
logged 'prong: conf:2: nonsense' || fail "it does not say why"
echo 'workers = 1' >conf
upgrade
for fd in 0 1 2; do
    [ "/proc/$SECOND/fd/$fd" -ef /dev/null ] || fail "descriptor $fd is open"
done
retire TERM
on_socket || fail "not served any more"
leave
[ ! -e "$T/s" ] || fail "the socket is still there"
