#!/bin/bash
# Goal: no row that was acknowledged is lost by a power cut at any moment, and
# the database is whole: whether all that was not synced is gone, or any
# sectors of it are there. (What the disk holds is modelled, see
# tests/faults/faults.c.)
#
# CUT_ROUNDS=50 for more rounds; CUT_DURABILITY=normal shows the check fail.
. "$(dirname "$0")/lib.sh"

unexpected='runtime error|Assertion' # all are killed on purpose
mkdir -p "$T/app/api" "$T/app/schema" "$T/durable" "$T/said"
cat >"$T/app/app.conf" <<'CONF'
name = cut
database = live.db
CONF
cat >"$T/app/schema/001_rows.sql" <<'SQL'
CREATE TABLE rows (id INTEGER PRIMARY KEY, token TEXT NOT NULL, body TEXT);
CREATE INDEX rows_by_token ON rows (token);
SQL
cat >"$T/app/api/rows.sql" <<'SQL'
-- POST /rows
-- @auth public
-- @param token text required
-- @param body text required
-- @status 201
-- @one
INSERT INTO rows (token, body) VALUES (:token, :body) RETURNING id;
SQL
db=$T/app/live.db
touch "$T/said/201"
"$here/../faults/build.sh" "$T/faults.so"

# begin PAGES: a server on what is there now, and therefore on the disk.
begin() {
    rm -f "$T/durable"/*
    [ ! -e "$db" ] || cp "$db" "$T/durable"
    [ ! -e "$db-wal" ] || cp "$db-wal" "$T/durable"
    ASAN_OPTIONS=verify_asan_link_order=0 LD_PRELOAD=$T/faults.so \
        PRONG_DURABLE=$T/durable PRONG_FAULTS=$T/faults start -w 4 --wal-autocheckpoint "$1" \
        --durability "${CUT_DURABILITY:-full}"
}

cut() {
    kill -KILL -- "-$PID"
    wait "$PID" 2>/dev/null || true
    await 5 nobody_in "$PID"
}

nobody_in() {
    ! pgrep -g "$1"
}

# accepted TOKEN: a row that is acknowledged now.
accepted() {
    expect 201 POST /rows --json "{\"token\": \"$1\", \"body\": \"$1\"}"
    echo "$1" | tee -a "$T/said/201" >>"$T/said/sent"
}

acknowledged() {
    wc -l <"$T/said/201"
}

grown() {
    [ "$(acknowledged)" -gt "$1" ]
}

seconds() { # LEAST MOST, in tenths
    echo "$(($1 + RANDOM % ($2 - $1)))e-1"
}

modes=(lost torn)
for ((round = 1; round <= ${CUT_ROUNDS:-3}; round++)); do
    delay=$((RANDOM % 3 * 2000)) # beyond 1 ms it is the keeper that syncs
    echo "sync-delay wal $delay" >"$T/faults"
    begin $((RANDOM % 3 * 500 + 20)) # checkpoints all the time, or few
    before=$(acknowledged)
    python3 "$here/power_cut.py" load "$round" "$T/said" &
    writers=$!
    await 20 grown "$before"
    sleep "$(seconds 1 12)"
    cut
    wait "$writers" || fail "the writers"
    python3 "$here/power_cut.py" leave "${modes[round % 2]}" "$db" "$T/durable"
    rm "$T/faults"
    begin 1000
    python3 "$here/power_cut.py" check "$db" "$T/said"
    accepted "$round.after"
    stop
done
python3 "$here/power_cut.py" check "$db" "$T/said"
