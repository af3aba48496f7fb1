#!/bin/bash
# Goal: --log-syslog sends the lines of both logs to a unix socket or by UDP,
# with Gunicorn's switches; HUP changes where to; a syslog that is away is
# told once, costs no request, and gets lines again when it is back.
. "$(dirname "$0")/lib.sh"

make_app
syslog() { # NAME ADDRESS: a syslog that writes what it hears into $T/NAME
    setsid python3 - "$2" "$T/$1" "$T/$1.at" <<'PY' &
import os, socket, sys

address, heard, at = sys.argv[1:]
path = address.startswith("/")
s = socket.socket(socket.AF_UNIX if path else socket.AF_INET,
                  socket.SOCK_DGRAM)
s.bind(address if path else ("127.0.0.1", int(address)))
with open(at + ".new", "w") as out:
    out.write(str(address if path else s.getsockname()[1]))
os.rename(at + ".new", at)
with open(heard, "a", buffering=1) as out:
    while True:
        out.write(s.recv(65536).decode() + "\n")
PY
    listener=$!
    groups+=("$listener")
    await 10 test -e "$T/$1.at"
}
heard() { # NAME REGEX [AT-LEAST]
    [ "$(grep -cE -- "$2" "$T/$1")" -ge "${3:-1}" ]
}

# ---- a unix socket; the access log goes there without a file of its own

syslog unix "$T/dev"
cat >"$T/conf" <<CONF
syslog = true
syslog_addr = unix://$T/dev#dgram
syslog_prefix = shop
syslog_facility = local3
access_log_format = %(m)s %(U)s %(s)s
workers = 1
CONF
start -c "$T/conf"
for i in 1 2 3; do expect 200 GET "/items/$i"; done
await 10 heard unix '^<158>prong\.shop\.access\[[0-9]+\]: GET /items/3 200$'
heard unix "^<158>prong\.shop\.error\[$PID\]: Starting prong " ||
    fail "the start was not told: $(cat "$T/unix")"
heard unix "^<158>prong\.shop\.error\[$(workers)\]: Booting worker with pid" ||
    fail "the worker was not heard: $(cat "$T/unix")"
heard unix '/items/' 3 || fail "not three lines: $(cat "$T/unix")"

# ---- away: told once, no request is lost; and back under the same name

kill -KILL "$listener"
wait "$listener" 2>/dev/null || true
rm "$T/dev" "$T/unix.at"
for i in 1 2 3 4 5; do expect 200 GET "/items/$i"; done
logged 'lines are lost until it is back' || fail "its absence is not told"
[ "$(grep -ac 'lines are lost' "$T/log")" = 1 ] || fail "told more than once"
syslog unix "$T/dev"
expect 200 GET /items/6
await 10 heard unix ': GET /items/6 200$'
await 10 logged '[0-9]+ lines were lost'

# ---- another place at a reload, by UDP, without the access log

syslog udp 0
cat >>"$T/conf" <<CONF
syslog_addr = udp://127.0.0.1:$(cat "$T/udp.at")
syslog_facility = user
disable_redirect_access_to_syslog = true
CONF
sed -i '/^syslog_addr = unix/d; /local3/d' "$T/conf"
old=$(workers)
kill -HUP "$PID"
await 10 gone "$old"
await 10 heard udp "^<14>prong\.shop\.error\[$(workers)\]: Booting worker"
expect 200 GET /items/7
stop
await 10 heard udp "error\[$PID\]: Shutting down: Master"
[ "$(grep -c access "$T/udp")" = 0 ] || fail "the access log went there"
heard unix items/7 && fail "the old place still hears"

# ---- nonsense is refused at the start

for bad in /dev/log unix://x#udp udp://h:99999 http://h; do
    code=0
    "$prong" --log-syslog-to "$bad" --print-config "$T/app" 2>"$T/out" ||
        code=$?
    [ "$code" = 2 ] || fail "$bad: exit code $code: $(cat "$T/out")"
done
