#!/bin/bash
# Goal: logrotate, with the file that etc/deploy has for it, renames the logs
# while requests come in; what comes later is in new files, and no line is lost.
. "$(dirname "$0")/lib.sh"

command -v logrotate >/dev/null ||
    sh "$root/etc/packages.sh" logrotate >"$T/out" 2>&1 ||
    skip "$(tail -n 1 "$T/out")"

make_app
mkdir -p "$T/log.d" "$T/run/items"
chmod 755 "$T" "$T/log.d"
start -w 2 --access-logfile "$T/log.d/items.access.log" \
    --error-logfile "$T/log.d/items.error.log" --pid "$T/run/items/prong.pid"
await 10 workers_are 2
sed -e "s|/var/log/prong|$T/log.d|; s|/run/prong|$T/run|g" \
    -e "s|su prong prong|su $(id -un) $(id -gn)|" \
    -e "s|create 0640 prong prong|create 0640 $(id -un) $(id -gn)|" \
    "$root/etc/deploy/logrotate/prong" >"$T/prong"
chmod 644 "$T/prong"

# A client that goes on all the time.
: >"$T/asked"
(
    while [ ! -e "$T/enough" ]; do
        curl -s -o /dev/null -w '%{http_code}\n' \
            "$URL/items/[1-20]" >>"$T/asked"
    done
) &
client=$!
asked_for() {
    [ "$(grep -c 200 "$T/asked")" -ge "$1" ]
}
rotate() { # NUMBER OF FILES THEN
    await 10 test -s "$T/log.d/items.access.log" # lines are written in batches
    logrotate --force --state "$T/state" "$T/prong" >"$T/out" 2>&1 ||
        fail "logrotate: $(cat "$T/out")"
    [ ! -s "$T/out" ] || fail "logrotate says: $(cat "$T/out")"
    [ "$(compgen -G "$T/log.d/items.access.log*" | wc -l)" -eq "$1" ] ||
        fail "files: $(ls "$T/log.d")"
}
await 10 asked_for 40
rotate 2
await 10 asked_for 80
rotate 3
grep -q usr1 "$T"/log.d/items.error.log* || fail "USR1 did not arrive"
[ -e "$T/log.d/items.access.log.2.gz" ] || fail "nothing is compressed"
await 10 asked_for 120
await 10 test -s "$T/log.d/items.access.log"
touch "$T/enough"
wait "$client"
stop

total=$({ zcat "$T"/log.d/items.access.log.*.gz
    cat "$T/log.d/items.access.log" "$T/log.d/items.access.log.1"; } |
    grep -c 'GET /items/')
[ "$total" -eq "$(wc -l <"$T/asked")" ] ||
    fail "$total lines for $(wc -l <"$T/asked") requests"
# Each of the files got some, and logrotate's mode stands.
grep -q 'GET /items/' "$T/log.d/items.access.log"
[ "$(stat -c %a "$T/log.d/items.access.log")" = 640 ] ||
    fail "mode $(stat -c %a "$T/log.d/items.access.log")"
