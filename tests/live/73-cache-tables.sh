#!/bin/bash
# Goal: whatever way a row is changed (views, triggers, also later ones,
# cascades, REPLACE, full-text tables …), every kept answer that showed it is
# computed anew; what was rolled back is never seen, and what has nothing to do
# with it stays kept.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/cache.sh"

# Every read is there twice, kept and plain.
cp -r "$here/books" "$T/app"
sed 's#/kept/#/plain/#; /@cache/d' "$T/app/api/kept.sql" >"$T/app/api/plain.sql"
start_cached -w 3 --keep-alive 30
DATABASE=$T/app/live.db python3 "$here/cache_tables.py"
[ "$(stat 'invalidations.authors')" -gt 0 ] || fail "no table is named"
stop
