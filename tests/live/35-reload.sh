#!/bin/bash
# Goal: HUP under load fails no request: 64 connections that are busy and 64
# that are idle, through three reloads that each change the app.
. "$(dirname "$0")/lib.sh"

make_app
start -w 2
python3 "$here/reload_load.py" || fail "a reload cost requests"
await 20 workers_are 2
logged 'Hang up: Master' 3 || fail "the log does not tell of three reloads"
stop

rm -f "$T/app/api/version.sql"
start -w 2 --keep-alive 0
python3 "$here/reload_load.py" no-idle || fail "a reload cost a new connection"
stop
