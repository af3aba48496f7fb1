#!/bin/bash
# Goal: with --user and --group the workers give up root; the database is
# theirs, and the logs too.
. "$(dirname "$0")/lib.sh"

[ "$(id -u)" -eq 0 ] || skip "changing the user"
make_app
chmod 755 "$T"
chown -R nobody:nogroup "$T/app"
start -w 2 --user nobody --group nogroup --access-logfile "$T/log.access" \
    --error-logfile "$T/log.error" --umask 022
await 10 workers_are 2
for worker in $(workers); do
    [ "$(stat -c %U:%G "/proc/$worker")" = nobody:nogroup ] ||
        fail "a worker is $(stat -c %U:%G "/proc/$worker")"
    grep -qE '^Groups:\s*(65534)?\s*$' "/proc/$worker/status" ||
        fail "a worker keeps root's groups"
done
[ "$(stat -c %U "/proc/$PID")" = root ] || fail "the master is not root"
expect 201 POST /items --json '{"name": "written"}'
mv "$T/log.access" "$T/log.access.1"
kill -USR1 "$PID"
await 10 test -e "$T/log.access"
expect 200 GET /items/1
stop
grep -q 'GET /items/1 ' "$T/log.access" || fail "no line after USR1"
