#!/bin/bash
# Goal: a backup of a database that is written to all the time is one point in
# time and whole, and nobody waits for it; no bad copy gets a name; those of
# the schedule replace the oldest, and an operator gets one on demand.
. "$(dirname "$0")/lib.sh"
. "$here/operators.sh"

make_app
cat >"$T/app/schema/002_moves.sql" <<'SQL'
CREATE TABLE here (id INTEGER PRIMARY KEY, n INTEGER NOT NULL);
CREATE TABLE there (id INTEGER PRIMARY KEY, n INTEGER NOT NULL);
CREATE TABLE moves (id INTEGER PRIMARY KEY, n INTEGER NOT NULL, pad BLOB);
CREATE TABLE ballast (id INTEGER PRIMARY KEY, pad BLOB);
INSERT INTO here VALUES (1, 1000000);
INSERT INTO there VALUES (1, 0);
INSERT INTO ballast (pad)
    WITH RECURSIVE c(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c LIMIT 4000)
    SELECT randomblob(6000) FROM c;
SQL
cat >"$T/app/api/moves.sql" <<'SQL'
-- POST /move
-- @auth public
-- @param n integer required
-- @none
UPDATE here SET n = n - :n WHERE id = 1;
UPDATE there SET n = n + :n WHERE id = 1;
INSERT INTO moves (n, pad) VALUES (:n, randomblob(300));
SQL
database=$T/data.db

# says FILE SQL VALUE: what a copy holds; it stays one file.
says() {
    local got
    got=$(sqlite3 -readonly "$1" "$2")
    [ "$got" = "$3" ] || fail "$1: $2: '$got', not '$3'"
}

is_whole() { # FILE
    says "$1" 'PRAGMA integrity_check' ok
    says "$1" 'SELECT (SELECT n FROM here) + (SELECT n FROM there)' 1000000
    says "$1" 'SELECT (SELECT n FROM there) = (SELECT count(*) FROM moves)' 1
    says "$1" 'PRAGMA journal_mode' delete
}

no_parts() { # FOLDER
    ! compgen -G "$1/*.part-*"
}

# ---- by hand, under load

start_admin -w 2 --database "$database"
python3 "$here/backup_load.py" 3 "$prong" backup --quiet \
    --database "$database" "$T/app"
for n in 1 2 3; do
    is_whole "$T/copy-$n.db"
    read -r least most <"$T/copy-$n.db.bounds"
    says "$T/copy-$n.db" "SELECT count(*) BETWEEN $least AND $most
        FROM moves" 1
done
"$prong" backup "$T/app" "$T/copy-1.db" --database "$database" >"$T/out"
grep -qE "^$T/copy-1.db: [0-9]+\.[0-9] MB in [0-9.]+ s, checked$" "$T/out" ||
    fail "it says: $(cat "$T/out")"
[ "$(stat -c %a "$T/copy-1.db")" = "$(stat -c %a "$database")" ] ||
    fail "its permissions are not those of the database"

# refused CODE REASON FILE [OPTIONS…]: and then there is no such file.
refused() {
    local code=0 want=$1 reason=$2 file=$3
    shift 3
    "$prong" backup "$T/app" "$file" --database "$database" "$@" \
        >"$T/out" 2>&1 || code=$?
    [ "$code" = "$want" ] || fail "exit code $code, not $want: $(cat "$T/out")"
    grep -q "$reason" "$T/out" || fail "not '$reason': $(cat "$T/out")"
    [ ! -f "$file" ] || [ "$file" -ef "$database" ] || fail "there is $file"
}

refused 2 'cannot be a stream' -
refused 2 'bad option' "$T/none.db" --fast
refused 1 'the database itself' "$database"
refused 1 'No such file' "$T/none/copy.db"
refused 1 'not a regular file' /dev/null

# One that is told to end leaves nothing; also not when it ended before that.
for wait in 0.01 0.03 0.06; do
    "$prong" backup --quiet "$T/app" "$T/cut.db" --database "$database" \
        2>/dev/null &
    cut=$!
    sleep "$wait"
    kill -TERM "$cut" 2>/dev/null || true
    if wait "$cut"; then is_whole "$T/cut.db"; fi
    no_parts "$T" || fail "a part is left"
done

# One that was killed leaves a part, which the next of that name removes.
"$prong" backup --quiet "$T/app" "$T/cut.db" --database "$database" &
cut=$!
await 10 compgen -G "$T/cut.db.part-*"
kill -KILL "$cut"
wait "$cut" 2>/dev/null || true
"$prong" backup --quiet "$T/app" "$T/cut.db" --database "$database"
no_parts "$T" || fail "a part of the dead is left"
stop

# ---- what is damaged gets no name

cp "$T/copy-1.db" "$T/damaged.db"
printf 'not what was here' | dd of="$T/damaged.db" bs=4096 seek=40 \
    conv=notrunc 2>/dev/null
printf 'not what was here' | dd of="$T/damaged.db" bs=4096 seek=3 \
    conv=notrunc 2>/dev/null
refused 1 damaged "$T/none.db" --database "$T/damaged.db"
no_parts "$T" || fail "a part of a bad copy is left"

mkdir "$T/disk"
if mount -t tmpfs -o size=1m prong "$T/disk" 2>/dev/null; then
    refused 1 'not enough space left' "$T/disk/copy.db"
    [ -z "$(ls -A "$T/disk")" ] || fail "something is left on the full disk"
    umount "$T/disk"
fi

# ---- by schedule

code=0
"$prong" --backup-schedule 'DAILY 25:00' "$T/app" >"$T/out" 2>&1 || code=$?
[ "$code" = 2 ] || fail "a bad schedule: exit code $code"
grep -q "backup-schedule: must be a schedule like" "$T/out" ||
    fail "a bad schedule: $(cat "$T/out")"

start_admin -w 1 --database "$database" --backup-dir "$T/backups" \
    --backup-schedule 'EVERY 1s' --backup-keep 3
await 30 logged 'Backup: .*live-[0-9TZ]*\.db: .*, checked' 5
three_newest() { # are there, and nothing else
    grep -ao 'live-[0-9]*T[0-9]*Z\.db: .*, checked' "$T/log" |
        sed 's/:.*//' | sort | tail -n 3 >"$T/newest"
    find "$T/backups" -type f -printf '%f\n' | sort | cmp "$T/newest"
}
await 20 three_newest
stop
await 10 no_parts "$T/backups"
find "$T/backups" -name 'live-*.db' | while read -r file; do
    is_whole "$file"
done

# ---- on demand

start_admin -w 1 --database "$database" --backup-dir "$T/backups" \
    --backup-keep 3
URL=$ADMIN expect 201 POST /api/backup --json '{"file": "before-release.db"}'
json '$.bytes' "$(stat -c %s "$T/backups/before-release.db")"
is_whole "$T/backups/before-release.db"
URL=$ADMIN expect 201 POST /api/backup
[ "$(compgen -G "$T/backups/live-*.db" | wc -l)" -eq 3 ] ||
    fail "one on demand is not among those that are kept"
URL=$ADMIN expect 400 POST /api/backup --json '{"file": "../elsewhere.db"}'
expect 401 POST /api/backup
stop
