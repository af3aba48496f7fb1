# Sourced behind lib.sh by scripts that write rows with a token each, and look
# at what became of them.
#
#     make_rows
#     start -w 4
#     write_begin 8
#     acknowledged_more 200
#     write_end
#     check_rows
#
# $DB       the database; set it before make_rows to have it elsewhere
# $T/said   the tokens that were sent, and those that got each status
# shellcheck shell=bash disable=SC2154  # lib.sh sets T, here
: "${DB:=$T/app/live.db}"
WRITERS=0

make_rows() {
    mkdir -p "$T/app/api" "$T/app/schema" "$T/said"
    touch "$T/said/201"
    cat >"$T/app/app.conf" <<CONF
name = rows
database = $DB
CONF
    cat >"$T/app/schema/001_rows.sql" <<'SQL'
CREATE TABLE rows (id INTEGER PRIMARY KEY, token TEXT NOT NULL, body TEXT);
CREATE INDEX rows_by_token ON rows (token);
CREATE TABLE audit (token TEXT NOT NULL);
SQL
    cat >"$T/app/api/rows.sql" <<'SQL'
-- GET /rows/last
-- @one
SELECT max(id) AS id FROM rows;

-- POST /rows
-- @auth public
-- @param token text required
-- @param body text required
-- @status 201
-- @one
INSERT INTO rows (token, body) VALUES (:token, :body) RETURNING id;
SQL
}

# write_begin COUNT [WORD…]: that many writers, until write_end; they follow
# the server from port to port. Words: see writers.py.
write_begin() {
    rm -f "$T/said/over"
    setsid python3 "$here/writers.py" load "$T/said" "$@" &
    WRITERS=$!
    groups+=("$WRITERS")
}

write_end() {
    touch "$T/said/over"
    wait "$WRITERS" || fail "the writers"
    WRITERS=0
}

acknowledged() {
    wc -l <"$T/said/201"
}

answered() { # STATUS
    if [ -e "$T/said/$1" ]; then wc -l <"$T/said/$1"; else echo 0; fi
}

beyond() { # STATUS COUNT
    [ "$(answered "$1")" -gt "$2" ]
}

# answered_more STATUS COUNT: waits for so many more answers of that kind.
answered_more() {
    await 10 beyond "$1" $(($(answered "$1") + $2 - 1))
}

acknowledged_more() {
    answered_more 201 "$1"
}

# check_rows_in DB…: every acknowledged row is there, once in all of them, no
# refused one is, and each database is whole.
check_rows_in() {
    python3 "$here/writers.py" check "$T/said" "$@"
}

check_rows() {
    check_rows_in "$DB"
}

nobody_in() {
    ! pgrep -g "$1"
}

# All processes die at once.
kill_tree() {
    kill -KILL -- "-$PID"
    wait "$PID" 2>/dev/null || true
    await 5 nobody_in "$PID"
}
