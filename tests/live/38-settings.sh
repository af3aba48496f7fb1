#!/bin/bash
# Goal: settings come from file, environment and flags under Gunicorn's names,
# in Gunicorn's order; a wrong one stops the start with exit code 2 and its
# place; --check-config and --print-config tell without serving.
. "$(dirname "$0")/lib.sh"

make_app
refused() { # CODE REGEX ARGUMENTS…
    local code=0 wanted=$1 regex=$2
    shift 2
    "$prong" "$@" >"$T/out" 2>&1 </dev/null || code=$?
    [ "$code" -eq "$wanted" ] || fail "$*: exit code $code: $(cat "$T/out")"
    grep -qE -- "$regex" "$T/out" || fail "$*: no '$regex' in $(cat "$T/out")"
}
refused 2 'workers.*many' --workers many "$T/app"
refused 2 'w: .*1 to 256' -w 0 "$T/app"
refused 2 'nonsense' --nonsense "$T/app"
refused 2 'log-?level' --log-level loud "$T/app"
refused 2 '.' -w 1
printf 'workers = 2\ntimeout = soon\n' >"$T/bad.conf"
refused 2 'bad\.conf:2: ' -c "$T/bad.conf" "$T/app"
printf 'workers = 2\n\nwerkers = 3\n' >"$T/bad.conf"
refused 2 'bad\.conf:3: .*werkers' -c "$T/bad.conf" "$T/app"
refused 4 'no-such-app' "$T/no-such-app"

printf 'workers = 5\nkeepalive = 7\nbacklog = 100\n' >"$T/good.conf"
WEB_CONCURRENCY=4 PRONG_CMD_ARGS='--backlog 200 --timeout 9' \
    "$prong" -c "$T/good.conf" --timeout 11 --print-config "$T/app" >"$T/out"
for line in 'workers = 5' 'keepalive = 7' 'backlog = 200' 'timeout = 11'; do
    grep -qx "$line" "$T/out" || fail "no '$line' in $(cat "$T/out")"
done
WEB_CONCURRENCY=4 PORT=8123 "$prong" --print-config "$T/app" >"$T/out"
grep -qx 'workers = 4' "$T/out" || fail "WEB_CONCURRENCY is not used"
grep -qx 'bind = 0.0.0.0:8123' "$T/out" || fail "PORT is not used"
[ ! -e "$T/app/live.db" ] || fail "--print-config made a database"

"$prong" --check-config "$T/app" >"$T/out" || fail "$(cat "$T/out")"
"$prong" --check-config "$root/etc/softfactory" >"$T/out" ||
    fail "SoftFactory: $(cat "$T/out")"
printf -- '-- GET /bad\nSELECT nothing FROM items;\n' >"$T/app/api/bad.sql"
refused 1 'api/bad\.sql:2: error: .*nothing' --check-config "$T/app"
[ ! -e "$T/app/live.db" ] || fail "--check-config made a database"
"$prong" --help >"$T/help"
grep -q -- '--workers' "$T/help" || fail "--help"
"$prong" --version | grep -q '[0-9]\.[0-9]' || fail "--version"
