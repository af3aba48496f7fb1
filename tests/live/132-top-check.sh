#!/bin/bash
# Goal: `prong top` draws what happens, on a terminal and without one, and
# leaves the terminal as it found it; `prong check` says what a reload would
# change where a server runs, and finds what is wrong.
. "$(dirname "$0")/lib.sh"

check() {
    "$prong" check "$T/app" >"$T/out" 2>&1
}
says() {
    grep -qE -- "$1" "$T/out" || fail "no '$1' in: $(cat "$T/out")"
}
says_nothing_of() {
    ! grep -qE -- "$1" "$T/out" || fail "'$1' in: $(cat "$T/out")"
}

make_app
check || fail "$(cat "$T/out")"
says 'No server runs on it'
start -w 2
for _ in 1 2 3; do expect 200 GET /items; done

# Without a terminal it is printed once, and is plain text.
"$prong" top "$T/app" --interval 0.2 >"$T/out"
says '^prong .*: serving, up .*, workers 2 of 2$'
says '^WORKER '
says_nothing_of $'\033'
"$prong" top "$T/nothing" >"$T/out" 2>&1 && fail "an app that is not there"
"$prong" top "$T/app" --interval never >"$T/out" 2>&1 && fail "never"
says '^Error: --interval takes seconds'
# With one it is live.
python3 "$here/top_terminal.py" "$prong" "$T/app" "$PID" || fail "prong top"

# check tells, and changes nothing.
check || fail "$(cat "$T/out")"
says '10 kept'
says 'The app stays as it is'
printf -- '\n-- GET /more\nSELECT 1 AS one;\n' >>"$T/app/api/work.sql"
sed -i 's/ORDER BY id;/ORDER BY id DESC;/' "$T/app/api/items.sql"
check || fail "$(cat "$T/out")"
says '^summary +1 endpoint added, 1 changed, 0 removed, 9 kept$'
says '^GET /more added '
"$prong" check -w 3 --database "$T/elsewhere.db" "$T/app" >"$T/out" 2>&1
says 'No server runs on it'
expect 404 GET /more
printf -- '\n-- GET /wrong\nSELECT nonsense;\n' >>"$T/app/api/work.sql"
check && fail "it is wrong"
says 'work.sql:[0-9]+: error: no such column: nonsense'
printf -- '\n-- @nonsense\n' >>"$T/app/api/work.sql"
check && fail "it is worse"
says 'work.sql:[0-9]+: '
stop
