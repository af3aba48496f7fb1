#!/bin/bash
# Goal: sockets that systemd made are served, by their names, through reload
# and upgrade; it is told when we are ready, reload, live, stop, and who is the
# main process; workers know nothing of it.
. "$(dirname "$0")/lib.sh"

make_app
export PYTHONUNBUFFERED=1
setsid timeout 60 python3 "$here/systemd.py" "$prong" -w 2 --pid "$T/pid" \
    -b 127.0.0.1:1 --access-logfile "$T/access" --access-logformat \
    '%({NOTIFY_SOCKET}e)s%({WATCHDOG_USEC}e)s%({LISTEN_FDS}e)s%({PRONG_FD}e)s' \
    "$T/app" >"$T/out" 2>&1 &
groups+=("$!")
wait "$!" || fail "$(cat "$T/out")"
[ "$(sort -u "$T/access")" = '----' ] ||
    fail "a worker knows: $(sort -u "$T/access")"
! logged 'ERROR|CRITICAL' || fail "something went wrong"
