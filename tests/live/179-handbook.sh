#!/bin/bash
# Goal: every command of the operator's handbook works as it stands there, on a
# live SoftFactory with the settings that the package brings; every section it
# points to is there, and every log line that it explains is one of ours.
. "$(dirname "$0")/lib.sh"

cd "$root"
page=etc/doc/handbook.md
for what in links lines; do
    python3 "$here/handbook.py" "$what" "$page" >"$T/out" ||
        fail "$what: $(cat "$T/out")"
done
python3 "$here/handbook.py" blocks "$page" >"$T/blocks"
[ "$(grep -c '^echo handbook' "$T/blocks")" -ge 20 ] || fail "too few blocks"

# ---- what the handbook takes for granted: an installation

mkdir -p "$T/bin" "$T/data" "$T/run" "$T/work"
ln -s "$prong" "$T/bin/prong"
read -r port admin < <(python3 -c '
import socket
held = [socket.create_server(("127.0.0.1", 0)) for _ in range(2)]
print(*[s.getsockname()[1] for s in held])')
sed -e "s|127.0.0.1:8000|127.0.0.1:$port|; s|127.0.0.1:8001|127.0.0.1:$admin|" \
    -e "s|/usr/share/prong|$root/etc|; s|/var/lib/prong/softfactory|$T/data|" \
    -e "s|/run/prong/softfactory|$T/run|; s|/var/log/prong/|$T/log.|" \
    -e 's|^workers = .*|workers = 2|' \
    etc/deploy/softfactory.conf >"$T/softfactory.conf"
cat >"$T/prelude" <<SH
set -eu -o pipefail
cd '$T/work'
PATH='$T/bin':\$PATH
app='$root/etc/softfactory'
conf='$T/softfactory.conf'
db='$T/data/softfactory.db'
log='$T/log.softfactory.access.log'
pidfile='$T/run/prong.pid'
url='http://127.0.0.1:$port'
ops='http://127.0.0.1:$admin'
admin='Authorization: Bearer demo_token'
journal='$T/log'
SH
cat >>"$T/prelude" <<'SH'
# In place of systemd: what it would do to this one unit.
main_pid() { cat "$pidfile"; }
systemctl() {
    case "$*" in
    'start prong@softfactory')
        prong --config "$conf" >>"$journal" 2>&1 9>&- &
        until curl -sf -o /dev/null "$url/ready"; do
            kill -0 $! || return
            sleep 0.02
        done
        ;;
    'stop prong@softfactory')
        local pid
        pid=$(main_pid)
        kill -TERM "$pid"
        while [ -e "$pidfile" ]; do sleep 0.02; done
        ;;
    'reload prong@softfactory') kill -HUP "$(main_pid)" ;;
    'is-active prong@softfactory' | 'status prong@softfactory')
        kill -0 "$(main_pid)" && echo active
        ;;
    'kill -s USR2 --kill-whom=main prong@softfactory')
        kill -USR2 "$(main_pid)"
        ;;
    *)
        echo "systemctl $*: not known here" >&2
        return 1
        ;;
    esac
}
journalctl() { cat "$journal"; }
# Not on every machine where tests run.
command -v ss >/dev/null || ss() { :; }
trap 'systemctl stop prong@softfactory' EXIT
systemctl start prong@softfactory
SH
cat "$T/prelude" "$T/blocks" >"$T/script"
setsid timeout 100 bash "$T/script" 9>"$T/at" >"$T/said" 2>&1 &
PID=$!
groups+=("$PID")
wait "$PID" ||
    fail "$(tail -n 1 "$T/at"): $(tail -n 15 "$T/said")"
[ "$(wc -l <"$T/at")" = "$(grep -c '^echo handbook' "$T/blocks")" ] ||
    fail "it ended at $(tail -n 1 "$T/at")"
