#!/bin/bash
# Goal: what can never start is not tried for ever: the master ends with a
# code of its own and says why, with file and line.
. "$(dirname "$0")/lib.sh"

boot_fails() { # CODE REGEX: the app as it is now
    launch -w 3 "$T/app"
    ended 20 "$1"
    logged "$2" || fail "no '$2' in the log"
    rm -rf "$T/app" "$T/log"
    make_app
}
make_app
printf -- '-- GET /x\n-- @nonsense\nSELECT 1 AS x;\n' >"$T/app/api/x.sql"
boot_fails 4 'api/x\.sql:2: '

printf -- '-- GET /x\n-- @one\nSELECT nothing\nFROM items;\n' \
    >"$T/app/api/x.sql"
boot_fails '[34]' 'api/x\.sql:[34]: .*nothing'

printf 'CREATE TABLE fine (x);\nCREATE TABLE broken (;\n' \
    >"$T/app/schema/002_x.sql"
boot_fails '[34]' 'schema/002_x\.sql:2: '

mkdir "$T/access" # a folder where the log should be
launch --access-logfile "$T/access" "$T/app"
ended 20 3
logged "ERROR. accesslog: $T/access: Is a directory" ||
    fail "which log it was is not said"
rm -rf "$T/app" "$T/log"
make_app

mkdir "$T/app/live.db" # a folder where the file should be
boot_fails '[34]' 'live\.db'

head -c 5000 /dev/urandom >"$T/app/live.db"
boot_fails '[34]' 'live\.db'
