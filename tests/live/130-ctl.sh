#!/bin/bash
# Goal: each order over the control socket has its effect, costs no request,
# and tells how it went; nobody but the server's user and root is heard.
. "$(dirname "$0")/lib.sh"
. "$here/operators.sh"

ctl() {
    "$prong" ctl "$T/app" "$@" >"$T/out" 2>&1
}
# code WANTED ORDER…
code() {
    local wanted=$1 got=0
    shift
    ctl "$@" || got=$?
    [ "$got" = "$wanted" ] || fail "ctl $*: $got: $(cat "$T/out")"
}
says() {
    grep -qE -- "$1" "$T/out" || fail "no '$1' in: $(cat "$T/out")"
}
generation_is() {
    ctl status && grep -q "^generation  *$1\$" "$T/out"
}

make_app
start -w 2 --error-logfile "$T/log.error"
[ "$(stat -c %a "$T/app/live.db.ctl")" = 600 ] || fail "others may connect"
expect 200 GET /items

# Looking.
code 0
says '^state +serving$'
says '^workers wanted +2$'
ctl --json
cp "$T/out" "$T/body"
json '$.master' "$PID"
json '$.database' "$T/app/live.db"
code 0 workers
says '^ +[0-9]+ +[0-9]+  ready '
code 0 writers
says 'Nobody writes'
code 0 version
code 0 help

# Doing.
code 0 worker add 1
says '^Workers wanted: 3$'
await 10 workers_are 3
one=$(workers | sed -n 2p)
code 0 worker remove "$one"
await 10 workers_but "$one" 2
one=$(workers | head -n 1)
code 0 worker replace "$one"
await 10 workers_but "$one" 2
mv "$T/log.error" "$T/log.error.1"
code 0 reopen
await 5 test -e "$T/log.error"

printf -- '\n-- GET /more\nSELECT 1 AS one;\n' >>"$T/app/api/items.sql"
code 0 reload
says '^Reloaded: 1 endpoint added, 0 changed, 0 removed, [0-9]+ kept'
expect 200 GET /more
printf -- '-- NEITHER /this\nSELECT 1;\n' >"$T/app/api/wrong.sql"
code 1 reload
says 'Error: Reload failed: .*wrong.sql:1: '
printf -- '-- GET /wrong\nSELECT 1 FROM\n  nonsense;\n' >"$T/app/api/wrong.sql"
code 1 reload
says 'Error: Reload failed: .*wrong.sql:[23]: no such table: nonsense, still'
rm "$T/app/api/wrong.sql"
expect 200 GET /more

# What is no order.
code 2 statsu
says 'did you mean status'
code 2 worker add none
code 1 kill nothing
"$prong" ctl "$T/nothing" >"$T/out" 2>&1 && fail "an app that is not there"
"$prong" ctl 2>"$T/out" && fail "no app"
says '^usage: prong ctl'

# Nobody else, whatever the socket's mode.
if [ "$(id -u)" = 0 ]; then
    chmod 755 "$T"
    chmod 666 "$T/app/live.db.ctl"
    python3 "$here/control.py" "$T/app/live.db.ctl" --nobody stop >"$T/out"
    says '^refused '
    says 'Only the user that the server runs as'
fi

# A hostile client holds nobody up: no half line, no thousand connections.
python3 "$here/control.py" "$T/app/live.db.ctl" --hostile
code 0 status
expect 200 GET /items

# A second server on the same database leaves it alone, and takes it over.
setsid "$prong" -b 127.0.0.1:0 --error-logfile "$T/log.second" "$T/app" &
second=$!
groups+=("$second")
await 10 grep -q 'another server listens at' "$T/log.second"
ctl --json
cp "$T/out" "$T/body"
json '$.master' "$PID"
code 0 stop
says '^Stopped$'
gone "$PID" || fail "it said that it had stopped"
ended 1 0
await 10 grep -q 'INFO. Control socket: ' "$T/log.second"
code 0 quit
gone "$second" || fail "quit is not over"
code 3 status
[ ! -e "$T/app/live.db.ctl" ] || fail "the socket is left"
grep -q 'Control: worker add 1 (user ' "$T"/log.error* || fail "not logged"
