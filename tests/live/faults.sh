# Sourced behind lib.sh by scripts whose disk fails (tests/faults/faults.c).
#
#     make_rows
#     start_on_disk -w 4
#     order 'sync-error wal'
#     accepted a-token
#     cut; leave torn; start_on_disk; check_rows
#
# $DB       the database, of rows that have a token each
# $T/said   the tokens that were sent, acknowledged (201) and refused (503)
# $T/disk   what a power cut would leave
# shellcheck shell=bash disable=SC2154  # lib.sh sets here, root
DB=$T/app/live.db

make_rows() {
    mkdir -p "$T/app/api" "$T/app/schema" "$T/disk" "$T/said"
    touch "$T/said/201" "$T/faults"
    cat >"$T/app/app.conf" <<'CONF'
name = rows
database = live.db
CONF
    cat >"$T/app/schema/001_rows.sql" <<'SQL'
CREATE TABLE rows (id INTEGER PRIMARY KEY, token TEXT NOT NULL, body TEXT);
CREATE INDEX rows_by_token ON rows (token);
SQL
    cat >"$T/app/api/rows.sql" <<'SQL'
-- GET /rows/count
-- @one
SELECT count(*) AS n FROM rows;

-- POST /rows
-- @auth public
-- @param token text required
-- @param body text required
-- @status 201
-- @one
INSERT INTO rows (token, body) VALUES (:token, :body) RETURNING id;
SQL
    "$root/tests/faults/build.sh" "$T/faults.so"
}

# order [LINE]: what is to go wrong from now on; nothing without it.
order() {
    echo "${1:-}" >"$T/faults.new"
    mv "$T/faults.new" "$T/faults"
}

# start_on_disk ARGUMENTS…: what is there now is on the disk. Without a sandbox:
# the library reads its orders from a file, and writes another folder.
start_on_disk() {
    rm -f "$T/disk"/*
    [ ! -e "$DB" ] || cp "$DB" "$T/disk"
    [ ! -e "$DB-wal" ] || cp "$DB-wal" "$T/disk"
    ASAN_OPTIONS=verify_asan_link_order=0 LD_PRELOAD=$T/faults.so \
        PRONG_DURABLE=$T/disk PRONG_FAULTS=$T/faults start --no-sandbox "$@"
}

# All processes die at once.
cut() {
    kill -KILL -- "-$PID"
    wait "$PID" 2>/dev/null || true
    await 5 nobody_in "$PID"
}

nobody_in() {
    ! pgrep -g "$1"
}

# leave lost|torn: what was not synced is gone, or any sectors of it are there.
leave() {
    python3 "$here/power_cut.py" leave "$1" "$DB" "$T/disk"
}

# Every acknowledged row is there, once, and the database is whole.
check_rows() {
    python3 "$here/power_cut.py" check "$DB" "$T/said"
}

acknowledged() {
    wc -l <"$T/said/201"
}

# post TOKEN: its status, 000 when there is no answer.
post() {
    local status
    echo "$1" >>"$T/said/sent"
    status=$(curl -s -m 20 -o "$T/body" -w '%{http_code}' "$URL/rows" \
        --json "{\"token\": \"$1\", \"body\": \"$1\"}") || true
    echo "$1" >>"$T/said/$status"
    echo "$status"
}

# answers STATUS TOKEN
answers() {
    local status
    status=$(post "$2")
    [ "$status" = "$1" ] || fail "$2: $status, not $1: $(cat "$T/body")"
}

accepted() {
    answers 201 "$1"
}
