#!/bin/bash
# Goal: a master that is root keeps no more of it than it needs, and can still
# do all of that; workers of another user have nothing of it; root that serves
# another user's files keeps what that takes.
. "$(dirname "$0")/lib.sh"

[ "$(id -u)" -eq 0 ] || skip "being root"
field() {
    sed -n "s/^$2:[[:space:]]*//p" "/proc/$1/status"
}
[ "$(field $$ CapEff | tail -c 4)" = fff ] || skip "all of root's rights"

make_app
chmod 755 "$T"
mkdir "$T/var"
chown -R nobody:nogroup "$T/app"
start -w 1 --user nobody --group nogroup --access-logfile "$T/var/access" \
    --error-logfile "$T/log.error" --pid "$T/pid"
# chown, dac_override, fowner, kill, setgid, setuid, net_bind_service
for set in CapEff CapPrm CapBnd; do
    [ "$(field "$PID" $set)" = 00000000000004eb ] ||
        fail "$set: $(field "$PID" $set)"
done
nothing() {
    [ -n "$(workers)" ] && for pid in $(workers); do
        [ "$(field "$pid" CapPrm)$(field "$pid" CapAmb)" = \
            00000000000000000000000000000000 ] || return 1
        [ "$(stat -c %U "/proc/$pid")" != root ] ||
            [ "$(field "$pid" Uid | cut -f 1)" != 0 ] || return 1
    done
}
nothing || fail "a worker has something of root"
expect 201 POST /items --json '{"name": "written"}'

# The master signals workers of another user, makes new ones, and reopens logs
# that are theirs.
mv "$T/log.error" "$T/var/error.1"
kill -USR1 "$PID"
await 10 test -e "$T/log.error"
kill -TTIN "$PID"
await 10 workers_are 2
before=$(workers)
kill -HUP "$PID"
renewed() {
    workers_are 1 && ! workers | grep -qxF "$before"
}
await 10 renewed
nothing || fail "a new worker has something of root"
expect 200 GET /items/1
stop

# chown, dac_override, fowner
chmod 700 "$T/app"
start -w 1 --database "$T/app/live.db"
[ "$(field "$(workers)" CapEff)" = 000000000000000b ] ||
    fail "capabilities $(field "$(workers)" CapEff)"
logged "Sandbox: .*root's rights on files"
expect 201 POST /items --json '{"name": "by root"}'
stop
