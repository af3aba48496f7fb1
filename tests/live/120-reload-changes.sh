#!/bin/bash
# Goal: HUP says what it changes and what it cannot change, one worker after
# the other; what it cannot change stays as it was; nobody under load notices.
. "$(dirname "$0")/lib.sh"
. "$here/steady.sh"

make_app
cat >"$T/prong.conf" <<END
workers = 2
cache_size = 1M
database = $T/first.db
END
start -c "$T/prong.conf"
await 10 workers_are 2
begin_load /items/1

cat >"$T/prong.conf" <<END
workers = 3
cache_size = 2M
database = $T/second.db
umask = 022
timeout = 20
END
printf -- '-- GET /new\n-- @one\nSELECT 1 AS one;\n' >"$T/app/api/new.sql"
sed -i 's/^-- @page 20 max 100/-- @page 20 max 99/' "$T"/app/api/*.sql
kill -HUP "$PID"
await 10 logged 'Reload: 1 endpoint added, 1 changed, 0 removed, [0-9]+ kept; 2 other settings; 0 cache entries kept'
await 10 logged 'Reload: timeout: 30 -> 20'
logged 'Reload: workers: 2 -> 3' || fail "workers are not named"
logged 'Reload: GET /new added \(.*new.sql:1\)' || fail "no added endpoint"
logged 'Reload: GET /items changed' || fail "no changed endpoint"
for name in cache_size umask database; do
    logged "A reload cannot change $name: it stays as it was" ||
        fail "$name is not named"
done
if logged 'Reload: (cache_size|umask|database)'; then
    fail "it says that they change"
fi
await 10 logged 'Worker exiting' 2
await 10 workers_are 3
expect 200 GET /new
[ ! -e "$T/second.db" ] || fail "another database was opened"
end_load

rm "$T/app/api/new.sql"
kill -HUP "$PID"
await 10 logged 'Reload: 0 endpoints added, 0 changed, 1 removed'
logged 'Reload: GET /new removed' || fail "no removed endpoint"
stop
