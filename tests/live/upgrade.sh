# What the scripts about the binary upgrade share. Sourced behind cache.sh.
#
#     prepare            a program of its own, $T/bin/prong, and $T/app
#     start_upgradable …  start_cached with a pid file, $T/pid
#     upgrade            USR2; $SECOND is the new master, ready
#     retire             the former one leaves; $PID is the new one
# shellcheck shell=bash
SECOND=0

prepare() {
    mkdir "$T/bin"
    cp "$prong" "$T/bin/prong"
    prong=$T/bin/prong
    make_app
    cat >"$T/app/api/cached.sql" <<'SQL'
-- GET /chart
-- @cache 10m
SELECT 7 AS lucky;
SQL
}

start_upgradable() {
    start_cached --pid "$T/pid" "$@"
}

# One that was killed leaves its file.
is_new() {
    [ -s "$T/pid.2" ] && ! gone "$(cat "$T/pid.2")"
}

upgrade() {
    local before
    before=$(grep -ac 'Master.2 is ready' "$T/log" || true)
    kill -USR2 "$PID"
    await 10 is_new
    SECOND=$(cat "$T/pid.2")
    await 10 logged 'Master.2 is ready' $((before + 1))
}

is_promoted() {
    [ ! -e "$T/pid.2" ] && [ "$(cat "$T/pid")" = "$SECOND" ]
}

# retire SIGNAL
retire() {
    kill -"$1" "$PID"
    await 10 gone "$PID"
    await 10 is_promoted
    PID=$SECOND
}

# A master that is no child of this shell: it has no exit code for us.
leave() {
    kill -TERM "$PID"
    await 20 gone "$PID"
}

# workers_of MASTER COUNT
workers_of() {
    [ "$(pgrep -f -P "$1" '^prong: worker' | wc -l)" -eq "$2" ]
}

keepers_are() {
    [ "$(pgrep -c -f "^prong: keeper \[$T/app\]" || true)" -eq "$1" ]
}
