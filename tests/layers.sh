#!/bin/bash
# Who may know whom: the rules of etc/doc/style.md that a machine can check.
# Says one line about each breach; the exit code is 0 without any.
set -u
cd "$(dirname "$0")/.." || exit 1
shopt -s nullglob globstar

sources=({common,master,worker}/**/*.[ch])
breaches=$(mktemp)
trap 'rm -f "$breaches"' EXIT

# only PATTERN FILES WHY: lines that match may stand in those files alone
# (both are extended regular expressions).
only() {
    grep -nE "$1" "${sources[@]}" | grep -vE "^($2):|^[^:]*:[0-9]*: *(/?\*)" |
        sed -E "s|^([^:]*:[0-9]*):.*|\1: $3|" >>"$breaches"
}

# A foreign header, and the system calls that go with it, enter in one place.
include='^ *# *include *<'
only "${include}llhttp" 'worker/http/request\.c' 'llhttp belongs to request.c'
only "${include}sqlite3" 'worker/db/db(_[a-z]+)?\.c|worker/db/db_private\.h' \
    'sqlite3 belongs to db'
# (<sys/signalfd.h> is also needed by those who are told of a signal.)
only "${include}sys/epoll|\<(signalfd|epoll_(create1?|ctl|wait)) *\(" \
    'common/loop\.c' 'epoll and signalfd belong to loop.c'
only "${include}sys/mman" 'common/segment/shm\.c' 'mmap belongs to shm.c'
only "${include}sys/wait|\<(fork|vfork|waitpid|wait4) *\(" \
    'master/spawn\.c' 'fork and waitpid belong to spawn.c'
only "${include}nettle/" 'common/digest\.c' 'nettle belongs to digest.c'
only "${include}zlib" 'worker/http/encoding\.c' 'zlib belongs to encoding.c'
only "${include}xxhash" 'common/hash\.c' 'xxhash belongs to hash.c'
only "${include}pthread" \
    'common/(log|syslogger)\.c|common/segment/cache(_[a-z]+)?\.[ch]|worker/threads/.*' \
    'pthread belongs to cache, the logs and threads/'
only "${include}seccomp" 'common/sandbox/syscalls\.c' \
    'seccomp belongs to syscalls.c'
only "${include}linux/landlock" 'common/sandbox/landlock\.c' \
    'landlock belongs to landlock.c'
only "${include}linux/capability" 'common/sandbox/capabilities\.c' \
    'capabilities belong to capabilities.c'
only "${include}ini\.h" 'common/settings/conf\.c' 'inih belongs to conf.c'

# Arrows between processes go one way.
include='^ *# *include *"'
only "${include}(master|worker|tests|bench)/" '(master|worker)/.*' \
    'common/ includes only common/'
only "${include}master/" '(master|common)/.*' 'worker/ never includes master/'
only "${include}worker/" '(worker|common)/.*|master/(main\.c|keeper/.*)' \
    'master/ never includes worker/ (main.c and keeper/ aside)'

# And between the parts of one. below FOLDER PARTS: FOLDER includes of its
# process nothing but PARTS.
below() {
    grep -nE "${include}${1%%/*}/" "$1"/*.[ch] |
        grep -vE "\"$1/[a-z_]+\.h\"|\"${1%%/*}/($2)/[a-z_]+\.h\"" |
        sed -E "s,^([^:]*:[0-9]*):.*,\1: $1/ includes only ${2:-itself}," \
            >>"$breaches"
}
below worker/db ''
below worker/threads ''
below worker/http 'db'
below worker/endpoint 'http|db|threads'
below worker/monitor 'http|db'
only "${include}master/control/" \
    'master/(control/.*|main\.c|supervisor\.c|supervisor_private\.h|check_command\.c)' \
    'control/ is known to those whom it orders about'
only "${include}(common/(app|segment|vitals|sandbox))/" \
    '(master|worker)/.*|common/[a-z]+/.*' \
    'what lies in common/ itself includes nothing that is built on it'

only "${include}[^\"/]*\"" 'none' 'name the folder of an included header'
only "${include}worker/http/conn\.h" 'worker/http/conn(_[a-z]+)?\.[ch]|worker/worker\.c|worker/worker_private\.h' \
    'nobody knows conn but worker.c'
only "${include}.*\.c\"" 'none' 'a .c is never included'

# Headers open and close their guard; there is no other #if.
only '^ *# *(if|ifdef|elif|else)\>' 'none' 'no #if beside include guards'
only '^ *# *ifndef +([^P]|P[^R]|PR[^O])' 'none' \
    'no #if beside include guards'

# A function is at most 60 lines and takes at most five parameters; callbacks
# (on_…) take what their caller gives. Works on what clang-format writes: a
# function's braces stand alone in column one.
awk -v max_lines=60 -v max_params=5 '
    FNR == 1 { head = ""; start = 0 }
    start && /^}/ {
        lines = FNR - start - 1
        if (lines > max_lines)
            printf "%s:%d: %s: %d lines, more than %d\n",
                FILENAME, first, name, lines, max_lines
        start = 0; head = ""; next
    }
    start { next }
    /^{$/ && head ~ /\(/ {
        params = head
        sub(/ *__attribute__.*/, "", params)
        name = params
        sub(/\(.*/, "", name)
        sub(/.*[ *]/, "", name)
        sub(/^[^(]*\(/, "", params)
        while (gsub(/\([^()]*\)/, "", params)) # parameters of parameters
            if (params !~ /\(/) break
        count = gsub(/,/, ",", params) + 1
        if (count > max_params && name !~ /^on_/)
            printf "%s:%d: %s: %d parameters, more than %d\n",
                FILENAME, first, name, count, max_params
        start = FNR; next
    }
    /^[A-Za-z_]/ { head = $0; first = FNR; next }
    /^[ \t]/ { head = head " " $0; next }
    { head = "" }
' {common,master,worker}/**/*.c tests/*/*.c tests/*/*/*.c bench/*/*.c \
    </dev/null >>"$breaches"

sort -u "$breaches"
[ ! -s "$breaches" ]
