#!/bin/bash
# Goal: an upgrade over the control socket tells how it ends, and so does the
# stop of the former master. Whoever asks meanwhile finds a server, and thirty
# at once are all answered. Socket files that the new one does not want go.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/cache.sh"
. "$(dirname "$0")/upgrade.sh"

# ctl CODE WORD…
ctl() {
    local wanted=$1 got=0
    shift
    "$prong" ctl "$T/app" "$@" >"$T/out" 2>&1 || got=$?
    [ "$got" = "$wanted" ] || fail "ctl $*: $got: $(cat "$T/out")"
}
says() {
    grep -qE -- "$1" "$T/out" || fail "no '$1' in: $(cat "$T/out")"
}
master_is() {
    ctl 0 --json
    cp "$T/out" "$T/body"
    json '$.master' "$1"
}
# Without a pause, one after another, until $T/done is there.
asks() {
    while [ ! -e "$T/done" ]; do
        "$prong" ctl "$T/app" version >"$T/asks.$1" 2>&1 || return
    done
}

prepare
conf=$T/prong.conf
echo "bind = unix:$T/old" >"$conf"
start_cached() { # with no address beside
    "$prong" --daemon --error-logfile "$T/log" -c "$conf" "$@" "$T/app"
    await 10 test -s "$T/pid"
    PID=$(cat "$T/pid")
    groups+=("$(ps -o pgid= -p "$PID" | tr -d ' ')")
    await 10 "$prong" ctl "$T/app" version
}
start_upgradable -w 2
[ -S "$T/old" ] || fail "no socket"

# One that fails says why, and the former one goes on.
printf -- '-- GET /broken\nSELECT nothing FROM nowhere;\n' \
    >"$T/app/api/broken.sql"
ctl 1 upgrade
says '^Error: The new master .pid:[0-9]+. exited with code 3: .*broken.sql:2: '
says "; the former one .pid:$PID. goes on"
rm "$T/app/api/broken.sql"
echo 'nonsense = 1' >>"$conf"
ctl 1 upgrade
says 'exited with code 2: .*prong.conf:2: nonsense'

# One that is ready is told of; there is one at a time.
echo "bind = unix:$T/new" >"$conf"
for n in 1 2; do
    asks "$n" &
    asking[n]=$!
done
ctl 0 upgrade
says "^The new master .pid:[0-9]+. is ready, and the former one .pid:$PID. can"
[ "$(cat "$T/pid.2")" = "$(grep -oE '[0-9]+' "$T/out" | head -n 1)" ] ||
    fail "another one: $(cat "$T/out")"
SECOND=$(cat "$T/pid.2")
ctl 1 upgrade
says 'USR2 signal ignored. Child exists.'
master_is "$PID"
[ -S "$T/old" ] || fail "the former one's socket is gone"
ctl 0 stop
says "^Stopped; the new master .pid:$SECOND. goes on"
gone "$PID" || fail "it said that it had stopped"
master_is "$SECOND"
PID=$SECOND
touch "$T/done"
for n in 1 2; do
    wait "${asking[n]}" || fail "asked meanwhile: $(cat "$T/asks.$n")"
done
await 5 test ! -e "$T/old"
curl -sf -m 5 -o /dev/null --unix-socket "$T/new" http://x/ready ||
    fail "not served"

# Many at once.
for n in $(seq 30); do
    "$prong" ctl "$T/app" reload >"$T/reload.$n" 2>&1 &
    reloads[n]=$!
done
for n in $(seq 30); do
    wait "${reloads[n]}" || fail "reload $n: $(cat "$T/reload.$n")"
done

# Not while it stops; and nobody has to wait.
curl -s -m 20 -o /dev/null --unix-socket "$T/new" \
    'http://x/work?n=20000000' &
busy=$!
working() {
    ctl 0 requests && grep -q /work "$T/out"
}
await 5 working
ctl 0 stop --no-wait
says '^Stopping: '
ctl 1 upgrade
says 'USR2 signal ignored. The server is stopping.'
ctl 0 quit
says '^Stopped$'
gone "$PID" || fail "it said that it had stopped"
wait "$busy" || true
ctl 3 status
! ls "$T"/pid* "$T/new" "$T"/app/*.ctl >"$T/out" 2>&1 ||
    fail "left behind: $(cat "$T/out")"
