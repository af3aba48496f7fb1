# What the scripts about the cache share: what an answer says of it, and what
# the server counted. Sourced behind lib.sh.
# shellcheck shell=bash
# shellcheck source=operators.sh
. "$(dirname "${BASH_SOURCE[0]}")/operators.sh"

# What an answer says when the cache had nothing, and now has it.
# shellcheck disable=SC2034  # scripts use them
missed='prong; fwd=uri-miss; stored'
# shellcheck disable=SC2034
outdated='prong; fwd=stale; detail=outdated; stored'
# shellcheck disable=SC2034
hit='prong; hit; ttl=[0-9]+'

# start_cached ARGUMENTS…: start_admin, with an access log, $T/access, of
# worker, cache status, method and path.
start_cached() {
    start_admin --access-logfile "$T/access" \
        --access-logformat '%(w)s|%(C)s|%(m)s|%(U)s' "$@"
}

# operator METHOD PATH [curl's options…]: leaves $T/page.
operator() {
    local method=$1 path=$2
    shift 2
    curl -sf -m 10 -X "$method" -o "$T/page" "$@" "$ADMIN$path" ||
        fail "$method $path was refused"
}

clear_cache() {
    operator POST /api/cache/clear
}

# page_value PATH: what the last operator's page holds there.
page_value() {
    sqlite3 :memory: "SELECT coalesce(json_extract(
        CAST(readfile('$T/page') AS TEXT), '$1'), 'null')"
}

# stat NAME: one of /api/cache/stats; queries [ENDPOINT]: statements run.
stat() {
    operator GET /api/cache/stats
    page_value "\$.$1"
}

queries() {
    operator GET /api/monitoring/metrics
    sqlite3 :memory: "SELECT coalesce(sum(round(
        value ->> 'queries_per_request' * (value ->> 'requests'))), 0) + 0
        FROM json_each(CAST(readfile('$T/page') AS TEXT), '$.endpoints')
        WHERE value ->> 'endpoint' = '$1'" | sed 's/\.0$//'
}

# said VALUE: the Cache-Status of the last answer, whole and once.
said() {
    header cache-status "$1"
    [ "$(grep -ci '^cache-status:' "$T/head")" = 1 ] ||
        fail "more than one Cache-Status: $(cat "$T/head")"
}

# get VALUE PATH [curl's options…]: 200, with that Cache-Status.
get() {
    local value=$1 path=$2
    shift 2
    expect 200 GET "$path" "$@"
    said "$value"
}

# field NAME: its value in the last answer.
field() {
    tr -d '\r' <"$T/head" | sed -n "s/^$1: //Ip"
}
