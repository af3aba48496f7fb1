#!/bin/bash
# Goal: workers and keeper are confined (no capabilities, no_new_privs, seccomp,
# Landlock) and do all their work all the same: reads, writes, files, gzip,
# rotated logs, backups, a replaced database, a reload; what a worker that was
# taken over tries is refused and named.
. "$(dirname "$0")/lib.sh"

grep -q '^Seccomp:' /proc/self/status || skip "seccomp"
mkdir "$T/data" "$T/var" "$T/lib"
"${CC:-cc}" -std=gnu11 -D_GNU_SOURCE -shared -fPIC -o "$T/lib/taken.so" \
    "$root/tests/faults/taken.c"
admin=(-H 'Authorization: Bearer demo_token')
log=$T/var/error
path=/api/platform/products

# field PID NAME: of its status.
field() {
    sed -n "s/^$2:[[:space:]]*//p" "/proc/$1/status"
}

confined() { # FILTER
    local pid
    for pid in $(workers) $(keeper); do
        [ "$(field "$pid" NoNewPrivs)" = 1 ] || fail "new privileges"
        [ "$(field "$pid" CapEff)" = 0000000000000000 ] || fail "capabilities"
        [ "$(field "$pid" Seccomp)" = "$1" ] ||
            fail "seccomp $(field "$pid" Seccomp) in $pid"
    done
}

said() { # REGEX
    grep -qaE "$1" "$log" || fail "no '$1' in: $(tail -n 20 "$log")"
}

launch_here() {
    ASAN_OPTIONS=verify_asan_link_order=0 LD_PRELOAD=$T/lib/taken.so \
        start -w 2 --app="$root/etc/softfactory" --demo \
        --database "$T/data/soft.db" --error-logfile "$log" \
        --access-logfile "$T/var/access" --backup-dir "$T/backups" \
        --performance-log "$T/var/figures" --threads 4 "$@"
    await 10 workers_are 2
    await 10 test -n "$(keeper)"
}

launch_here
said 'Sandbox: no_new_privs, no capabilities, .*Landlock.*seccomp'
filter=2
grep -qa 'built with sanitizers' "$log" && filter=0
[ "$(grep -ac 'Sandbox:' "$log")" = 1 ] || fail "it is said more than once"
# A worker says so before it is ready, the keeper when it comes to it.
await 5 test -d "$T/backups"
confined "$filter"
! grep -qa "in the app's folder" "$log" || fail "a folder of its own is named"

works() { # NAME
    expect 201 POST "$path" "${admin[@]}" --json \
        "{\"name\": \"$1\", \"category\": \"tools\", \"price\": 5}"
    expect 200 GET "$path"
    expect 200 GET "$path?limit=200" -H 'Accept-Encoding: gzip'
    header content-encoding gzip
    expect 200 GET / -H 'Accept-Encoding: gzip'
    expect 200 GET /api/monitoring/system "${admin[@]}"
}
works first
expect 201 POST /api/backup "${admin[@]}"

mv "$T/var/access" "$T/var/access.1"
mv "$log" "$T/var/error.1"
kill -USR1 "$PID"
await 10 test -e "$log"
await 10 test -e "$T/var/access"

before=$(workers)
kill -HUP "$PID"
renewed() {
    workers_are 2 && ! workers | grep -qxF "$before" && is_ready
}
await 10 renewed
confined "$filter"
works second

# The database is replaced by a copy of itself.
sqlite3 "$T/data/soft.db" ".backup $T/data/copy.db"
mv "$T/data/copy.db" "$T/data/soft.db"
opened_again() {
    grep -qa 'was opened again' "$log" && is_ready
}
await 10 opened_again
expect 200 GET "$path/1"

if [ "$filter" = 2 ]; then
    for call in execve ptrace socket mmap; do
        curl -s -m 5 -H "X-Order: $call" "$URL$path" >"$T/body" || true
        said "CRITICAL\] The sandbox refused the system call $call \("
        await 10 workers_are 2
        await 10 is_ready
    done
    said 'Worker \(pid:.*was sent SIGSYS'
fi
stop

# Folders that are the app's, or above it: one line for each, of one worker.
cp -r "$root/etc/softfactory" "$T/var/app"
in_app() {
    rm -f "$log"
    start -w 2 --app="$T/var/app" --demo --error-logfile "$log" \
        --access-logfile "$T/var/app/access" "$@"
    await 10 workers_are 2
}
in_app
for what in 'database.*--database' 'error log.*--error-' 'access log.*--access-'
do
    said "WARNING\] Sandbox: the $what"
done
[ "$(grep -ac "in the app's folder" "$log")" = 3 ] || fail "more than once"
stop
in_app --no-sandbox
! grep -qa 'Sandbox' "$log" || fail "a warning without a sandbox"
stop

rm "$log"
launch_here --no-sandbox
[ "$(field "$(workers | head -n 1)" Seccomp)" = 0 ] || fail "a filter"
[ "$(field "$(workers | head -n 1)" NoNewPrivs)" = 0 ] || fail "confined"
! grep -qa 'Sandbox' "$log" || fail "it says that there is one"
stop
