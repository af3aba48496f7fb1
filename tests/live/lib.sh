# What every live script is made of: a folder of its own, a real server on a
# port of its own, and requests whose answers are checked. Sourced, not run.
#
#     . "$(dirname "$0")/lib.sh"
#     make_app
#     start -w 2
#     expect 200 GET /items
#
# $T      this script's folder, removed at the end
# $PORT   where the server listens; $PID its master
# $T/log  what it said on standard output and standard error
#
# A script passes with exit code 0, and 77 means "not permitted here".
# shellcheck shell=bash
set -eu -o pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
root=$(cd "$here/../.." && pwd)
prong=${PRONG_BUILD:-$root/build}/prong
T=$(mktemp -d /tmp/prong-live-XXXXXX)
export T PYTHONPATH=$here PYTHONDONTWRITEBYTECODE=1
unset WEB_CONCURRENCY PRONG_CMD_ARGS
PORT=0 PID=0
export PORT PID
groups=() # process groups to end
# What no log may hold at the end; a script that provokes it narrows this.
unexpected='Sanitizer|runtime error|Assertion|Segmentation|SIGSEGV|SIGABRT'

# ---- failing and cleaning up -------------------------------------------------

fail() {
    echo "FAILED: $*" >&2
    exit 1
}

skip() {
    echo "not permitted here: $*"
    exit 77
}

clean_up() {
    local status=$? group
    trap - EXIT
    for group in "${groups[@]}"; do
        kill -KILL -- "-$group" 2>/dev/null || true
        wait "$group" 2>/dev/null || true
    done
    if grep -aE "$unexpected" "$T"/log* >"$T/bad" 2>/dev/null; then
        echo "FAILED: the log holds what it must not:" >&2
        cat "$T/bad" >&2
        status=1
    fi
    if [ "$status" -ne 0 ] && [ "$status" -ne 77 ]; then
        echo "---- log of the server" >&2
        tail -n 60 "$T"/log* >&2 || true
    fi
    mountpoint -q "$T/disk" && umount "$T/disk"
    rm -rf "$T"
    exit "$status"
}
trap clean_up EXIT
trap 'echo "FAILED: line $LINENO: ${BASH_COMMAND%%[[:cntrl:]]*}" >&2' ERR

# await SECONDS COMMAND…: until it succeeds, looking often.
await() {
    local end=$((${EPOCHREALTIME/./} + $1 * 1000000))
    shift
    until "$@" >/dev/null 2>&1; do
        [ "${EPOCHREALTIME/./}" -lt "$end" ] || fail "waited for: $*"
        sleep 0.02
    done
}

# ---- the server --------------------------------------------------------------

# launch ARGUMENTS…: starts it on an inherited socket, so that no other
# process can take the port in between. Does not wait until it serves.
launch() {
    rm -f "$T/port"
    setsid python3 "$here/client.py" listen "$T/port" \
        "$prong" -b fd://3 "$@" >>"$T/log" 2>&1 &
    PID=$!
    groups+=("$PID")
    await 10 test -s "$T/port"
    PORT=$(cat "$T/port")
}

is_ready() {
    [ "$(curl -s -m 2 -o /dev/null -w '%{http_code}' "$URL/ready")" = 200 ]
}

ready_or_dead() {
    is_ready || ! kill -0 "$PID"
}

# start ARGUMENTS…: serves $T/app unless they name an app with --app=FOLDER.
start() {
    local app=$T/app arguments=()
    for word in "$@"; do
        case $word in
        --app=*) app=${word#--app=} ;;
        *) arguments+=("$word") ;;
        esac
    done
    launch "${arguments[@]}" "$app"
    URL=http://127.0.0.1:$PORT
    await 20 ready_or_dead
    is_ready || fail "the server did not start"
}

# ended SECONDS CODE: waits until the master is gone and checks how.
ended() {
    local code=0
    await "$1" gone "$PID"
    wait "$PID" || code=$?
    # shellcheck disable=SC2053  # a pattern: "0" or "[34]"
    [[ $code = $2 ]] || fail "exit code $code, not $2"
}

gone() {
    ! kill -0 "$1" 2>/dev/null || grep -q '^State:.Z' "/proc/$1/status"
}

stop() {
    kill -TERM "$PID"
    ended 20 0
}

# The workers' process ids, oldest first; and how many there are.
workers() {
    pgrep -f -P "$PID" '^prong: worker' || true
}

keeper() {
    pgrep -f -P "$PID" '^prong: keeper' || true
}

workers_are() {
    [ "$(workers | wc -l)" -eq "$1" ]
}

# logged REGEX [AT-LEAST]: is it in the log?
logged() {
    [ "$(grep -acE -- "$1" "$T/log")" -ge "${2:-1}" ]
}

# ---- requests ----------------------------------------------------------------

# expect STATUS METHOD PATH [curl's options…]: leaves $T/head and $T/body.
expect() {
    local status=$1 method=$2 path=$3 got
    shift 3
    [ "$method" = HEAD ] && set -- --head "$@"
    got=$(curl -s -m 20 -X "$method" -D "$T/head" -o "$T/body" \
        -w '%{http_code}' "$@" "$URL$path") || got="none (curl: $?)"
    [ "$got" = "$status" ] ||
        fail "$method $path: $got, not $status: $(head -c 600 "$T/body")"
    # Every refusal is a problem document that names the request.
    if [ "$method" != HEAD ] && [ "$status" -ge 400 ]; then
        header content-type 'application/problem\+json'
        json '$.status' "$status"
        json '$.request_id' "$(tr -d '\r' <"$T/head" |
            sed -n 's/^x-request-id: //Ip')"
    fi
}

# header NAME REGEX: the last answer has a field of that value.
header() {
    tr -d '\r' <"$T/head" | grep -qiE "^$1: $2\$" ||
        fail "no header '$1: $2' in: $(cat "$T/head")"
}

no_header() {
    ! grep -qi "^$1:" "$T/head" || fail "a header $1 in: $(cat "$T/head")"
}

# json PATH VALUE: what the last body holds there, in SQLite's notation.
json() {
    local got
    got=$(sqlite3 :memory: "SELECT coalesce(json_extract(
        CAST(readfile('$T/body') AS TEXT), '$1'), 'null')") ||
        fail "not JSON: $(head -c 600 "$T/body")"
    [ "$got" = "$2" ] || fail "$1 is '$got', not '$2': $(head -c 600 "$T/body")"
}

body_is() {
    [ "$(cat "$T/body")" = "$1" ] ||
        fail "the body is '$(head -c 600 "$T/body")', not '$1'"
}

# ---- an app ------------------------------------------------------------------

# A small app of items, with a query that never ends and one that takes a
# while, and a folder of files.
make_app() {
    cp -r "$here/app" "$T/app"
}

# SoftFactory with its demonstration rows; curl's options for three people.
start_softfactory() {
    start -w 2 --app="$root/etc/softfactory" --demo --database "$T/soft.db"
    local token
    token=$("$prong" token add "$root/etc/softfactory" --database "$T/soft.db" \
        --user 502 --name chef-2 2>"$T/out" | grep -oE '[^ ]{32,}')
    # shellcheck disable=SC2034  # scripts use them
    user=(-H 'Authorization: Bearer user_token')  # user 2
    # shellcheck disable=SC2034
    admin=(-H 'Authorization: Bearer demo_token') # user 1
    # shellcheck disable=SC2034
    chef=(-H "Authorization: Bearer $token")      # user 502, chef 2
}

# sql STATEMENT VALUE: what SoftFactory's database says.
sql() {
    local got
    got=$(sqlite3 "$T/soft.db" "$1")
    [ "$got" = "$2" ] || fail "$1: '$got', not '$2'"
}
