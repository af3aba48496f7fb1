# Sourced behind lib.sh by scripts that look at what operators see.
#
#     start_admin -w 2
#     page /api/monitoring/metrics
#     python3 -c 'from operators import page …'
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

# look PAGE: leaves it in $T/page. A worker that took this connection together
# with a long request answers only behind that: then another one is asked.
look() {
    local try
    for try in 1 2 3 4 5 6 7 8; do
        curl -s -m 0.4 "$ADMIN$1" >"$T/page" && return
    done
    fail "$1: no answer in $try tries"
}

# value PAGE PATH: what such a page holds, in SQLite's notation.
value() {
    look "$1"
    sqlite3 :memory: "SELECT coalesce(json_extract(
        CAST(readfile('$T/page') AS TEXT), '$2'), 'null')"
}

# shows PAGE PATH REGEX: for await.
shows() {
    [[ $(value "$1" "$2") =~ ^($3)$ ]]
}

# workers_but PID COUNT: so many, and that one is not among them.
workers_but() {
    [ "$(workers | wc -l)" -eq "$2" ] && ! workers | grep -qx "$1"
}
