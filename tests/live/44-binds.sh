#!/bin/bash
# Goal: several addresses at once, a unix socket and a port; umask holds for
# the socket; a stale socket file is replaced, a live one is not; a port in
# use is named.
. "$(dirname "$0")/lib.sh"

make_app
python3 -c "import socket; socket.socket(socket.AF_UNIX).bind('$T/s')"
start -w 1 -b "unix:$T/s" --umask 0117
[ "$(stat -c %a "$T/s")" = 660 ] || fail "mode $(stat -c %a "$T/s")"
expect 200 GET /items/1
expect 200 GET /items/1 --unix-socket "$T/s"
logged "Listening at: .*unix:$T/s" || fail "the socket is not in the log"

refused() { # NAME ADDRESS
    local code=0 said=$T/said-$1
    timeout 20 "$prong" -b "$2" "$T/app" >"$said" 2>&1 </dev/null || code=$?
    case $code in 0 | 124) fail "$2: exit code $code" ;; esac
    grep -q 'Connection in use' "$said" || fail "$2: $(cat "$said")"
}
# Each tries for five seconds.
refused socket "unix:$T/s" &
other=$!
refused port "127.0.0.1:$PORT"
wait "$other" || fail "a second one got the socket"
expect 200 GET /items/1 --unix-socket "$T/s"
stop
[ ! -e "$T/s" ] || fail "the socket file is still there"
