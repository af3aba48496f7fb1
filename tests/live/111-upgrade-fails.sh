#!/bin/bash
# Goal: a new master that cannot start leaves the former one serving, and the
# log says why: no program, another kind of file, bad settings, a bad app, a
# worker that does not boot. One that is ended or killed does, too; after WINCH,
# HUP brings the former one's workers back.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/cache.sh"
. "$(dirname "$0")/upgrade.sh"

# fails REGEX: an upgrade does, with that in the log.
fails() {
    kill -USR2 "$PID"
    await 10 logged "$1"
    expect 200 GET /items/1
}

prepare
conf=$T/prong.conf
printf 'errorlog = %s\n' "$T/log" >"$conf"
start_upgradable -w 2 -c "$conf"
cp "$T/bin/prong" "$T/good"

rm "$T/bin/prong"
fails 'Cannot start a new master: .*/bin/prong: No such file'
echo 'no program' >"$T/bin/prong"
chmod +x "$T/bin/prong"
fails 'Cannot start a new master: .*/bin/prong: Exec format'
mv "$T/good" "$T/bin/prong"
echo 'nonsense = 1' >>"$conf"
fails 'The new master \(pid:[0-9]+\) exited with code 2, and we go on'
sed -i '/nonsense/d' "$conf"
printf -- '-- GET /broken\n-- @nonsense\nSELECT 1;\n' \
    >"$T/app/api/broken.sql"
fails 'The new master \(pid:[0-9]+\) exited with code 4, and we go on'
printf -- '-- GET /broken\nSELECT nothing FROM nowhere;\n' \
    >"$T/app/api/broken.sql"
fails 'The new master \(pid:[0-9]+\) exited with code 3, and we go on'
rm "$T/app/api/broken.sql"
[ "$(cat "$T/pid")" = "$PID" ] || fail "the pid file is another's"
[ ! -e "$T/pid.2" ] || fail "a pid file of nobody"

# A good one, which then fails its operator: WINCH, and HUP brings them back.
upgrade
kill -WINCH "$PID"
await 10 workers_of "$PID" 0
expect 200 GET /items/1
kill -TERM "$SECOND"
await 10 gone "$SECOND"
await 5 logged 'The new master .* exited with code 0, and we go on'
kill -HUP "$PID"
await 10 workers_of "$PID" 2
await 10 is_ready
keepers_are 1 || fail "not one keeper"

# One that is killed; its workers leave, and their slots are free again.
upgrade
orphans=$(pgrep -f -P "$SECOND" '^prong: worker')
kill -KILL "$SECOND"
for orphan in $orphans; do await 10 gone "$orphan"; done
await 5 logged 'The new master .* was sent SIGKILL, and we go on'
expect 200 GET /items/1
upgrade # the place of the one that was killed is free
retire QUIT
expect 200 GET /items/1
get "$missed" /chart
leave
! ls "$T"/pid* >"$T/out" 2>&1 || fail "left behind: $(cat "$T/out")"
