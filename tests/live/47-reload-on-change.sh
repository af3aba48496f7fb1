#!/bin/bash
# Goal: with --reload a changed file of the app is served without a signal; a
# broken one is refused with its place, and the old app serves on.
. "$(dirname "$0")/lib.sh"

make_app
printf -- '-- GET /version\n-- @one\nSELECT 1 AS version;\n' \
    >"$T/app/api/version.sql"
start -w 2 --reload
version_is() {
    curl -s "$URL/version" | grep -q "\"version\":$1}"
}
version_is 1 || fail "version 1 is not served"
logged 'Reloader is on. Use in development only!' || fail "no warning"
printf -- '-- GET /version\n-- @one\nSELECT 22 AS version;\n' \
    >"$T/app/api/version.sql"
await 10 version_is 22
logged 'Worker reloading: app modified' || fail "the log does not say why"

printf -- '-- GET /version\n-- @one\nSELECT 333 AS;\n' \
    >"$T/app/api/version.sql"
await 10 logged 'api/version.sql:3: '
version_is 22 || fail "the old app does not serve on"
stop
