# Sourced behind lib.sh by scripts that look at what operators see.
#
#     start_admin -w 2
#     page /api/monitoring/metrics
#     python3 -c 'from admin import page …'
#
# $ADMIN       where the operators' listener is, as http://HOST:PORT
# $ADMIN_PORT  its port
# shellcheck shell=bash
ADMIN='' ADMIN_PORT=0
export ADMIN ADMIN_PORT

# start_admin ARGUMENTS…: start, with a listener for operators on a free port.
# $T/log begins anew, so that it tells of this server alone.
start_admin() {
    [ ! -e "$T/log" ] || mv "$T/log" "$T/log.before-$PID"
    start --admin-bind 0 "$@"
    ADMIN=$(sed -n 's/.*Admin at: \(http:[^ ]*\) .*/\1/p' "$T/log")
    ADMIN_PORT=${ADMIN##*:}
}

# page PATH [curl's options…]: leaves $T/body of what the operators get.
page() {
    local path=$1
    shift
    URL=$ADMIN expect 200 GET "$path" "$@"
}

# value PAGE PATH: what such a page holds, in SQLite's notation.
value() {
    curl -s -m 0.4 "$ADMIN$1" >"$T/page"
    sqlite3 :memory: "SELECT coalesce(json_extract(
        CAST(readfile('$T/page') AS TEXT), '$2'), 'null')"
}

# shows PAGE PATH REGEX: for await.
shows() {
    [[ $(value "$1" "$2") =~ ^($3)$ ]]
}

# worker_at PATH: the process that is answering a request for it; nothing when
# there is none.
worker_at() {
    curl -s -m 0.4 "$ADMIN/api/monitoring/requests?list=current" >"$T/page"
    sqlite3 :memory: "SELECT json_extract(value, '\$.pid')
        FROM json_each(CAST(readfile('$T/page') AS TEXT), '\$.current')
        WHERE json_extract(value, '\$.path') = '$1'
          AND json_extract(value, '\$.phase') = 'sql'
        LIMIT 1"
}

is_at() {
    [ -n "$(worker_at "$1")" ]
}

# workers_but PID COUNT: so many, and that one is not among them.
workers_but() {
    [ "$(workers | wc -l)" -eq "$2" ] && ! workers | grep -qx "$1"
}
