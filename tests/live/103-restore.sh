#!/bin/bash
# Goal: a restored database has exactly the rows of its backup, and the former
# one is kept with all of its own; a server that runs, a file that is damaged
# and a kill at any moment do no harm.
. "$(dirname "$0")/lib.sh"

make_app
database=$T/data.db
copy=$T/copy.db

restore() {
    "$prong" restore "$T/app" "$@" --database "$database" >"$T/out" 2>&1
}

# refused REASON FILE: and the database is as it was.
refused() {
    local code=0
    restore "$2" || code=$?
    [ "$code" = 1 ] || fail "restore $2: exit code $code: $(cat "$T/out")"
    grep -q "$1" "$T/out" || fail "not '$1': $(cat "$T/out")"
    ! compgen -G "$T/data.db.part-*" || fail "a part is left"
    ! compgen -G "$T/data.db.before-*" || fail "something was put aside"
}

put_items() { # PREFIX COUNT
    local i
    for ((i = 0; i < $2; i++)); do
        expect 201 POST /items --json "{\"name\": \"$1 $i\"}"
    done
}

# holds FILE EARLY LATE: so many rows of each kind, and it is whole.
holds() {
    local got
    got=$(sqlite3 "$1" "PRAGMA integrity_check;
        SELECT count(*) FROM items WHERE name LIKE 'early %';
        SELECT count(*) FROM items WHERE name LIKE 'late %'" | tr '\n' ' ')
    [ "$got" = "ok $2 $3 " ] || fail "$1: '$got', not 'ok $2 $3'"
}

start -w 2 --database "$database"
put_items early 20
"$prong" backup --quiet "$T/app" "$copy" --database "$database"
put_items late 15

# ---- refused

refused "in use by process" "$copy"
expect 200 GET /items/1
stop
cp "$database" "$T/former.db"
[ ! -e "$database-wal" ] || cp "$database-wal" "$T/former.db-wal"
cp "$copy" "$T/damaged.db"
printf 'not what was here' | dd of="$T/damaged.db" bs=4096 seek=2 \
    conv=notrunc 2>/dev/null
head -c 9000 "$copy" >"$T/cut.db"
echo "no database at all, by no means" >"$T/text.db"
refused damaged "$T/damaged.db"
refused damaged "$T/cut.db"
refused 'not a SQLite database' "$T/text.db"
refused 'not a SQLite database' "$T/app"
refused 'No such file' "$T/none.db"
refused 'the database itself' "$database"
code=0
"$prong" restore "$T/app" >"$T/out" 2>&1 || code=$?
[ "$code" = 2 ] || fail "without a file: exit code $code"

# ---- there, and back

restore "$copy"
[ "$(compgen -G "$database-*" | wc -l)" -eq 0 ] || fail "a journal is left"
aside=$(compgen -G "$database.before-*")
grep -q "$database: restored from $copy, .*, checked" "$T/out" ||
    fail "it says: $(cat "$T/out")"
grep -q "The former database is $aside" "$T/out" ||
    fail "it does not name the former one: $(cat "$T/out")"
holds "$aside" 20 15
holds "$copy" 20 0
start -w 2 --database "$database"
expect 200 GET '/items?limit=100&sort=name'
! grep -q late "$T/body" || fail "rows from after the backup are there"
put_items after 3
stop
[ "$(sqlite3 "$database" "SELECT count(*) FROM items
    WHERE name LIKE 'after %'")" = 3 ] || fail "writes after it are lost"
holds "$database" 20 0
restore "$aside"
holds "$database" 20 15

# A backup that is older than a migration gets it at the next start.
echo 'CREATE TABLE notes (id INTEGER PRIMARY KEY);' >"$T/app/schema/002_notes.sql"
restore "$copy"
start -w 1 --database "$database"
[ "$(sqlite3 "$database" 'SELECT count(*) FROM notes')" = 0 ] ||
    fail "the migration was not applied"
stop

# ---- killed at any moment

# Some MB, so that there are moments.
sqlite3 "$copy" "CREATE TABLE ballast (pad BLOB); INSERT INTO ballast
    WITH RECURSIVE c(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c LIMIT 3000)
    SELECT randomblob(4000) FROM c"
former=0 restored=0
for round in 1 2 3 4 5 6 7 8 9 10 11 12; do
    rm -f "$database"*
    cp "$T/former.db" "$database"
    [ ! -e "$T/former.db-wal" ] || cp "$T/former.db-wal" "$database-wal"
    setsid "$prong" restore --quiet "$T/app" "$copy" \
        --database "$database" 2>/dev/null &
    restoring=$!
    sleep "$(printf '0.%03d' $((RANDOM % (round * 30))))"
    kill -KILL "$restoring" 2>/dev/null || true
    wait "$restoring" 2>/dev/null || true
    rows=$(sqlite3 "$database" "SELECT count(*) FROM items
        WHERE name LIKE 'late %'")
    case $rows in
    15) former=$((former + 1)) ;;
    0) restored=$((restored + 1)) ;;
    *) fail "round $round: $rows rows" ;;
    esac
    holds "$database" 20 "$rows"
    restore "$copy" || fail "round $round: $(cat "$T/out")"
    holds "$database" 20 0
    ! compgen -G "$database.part-*" || fail "round $round: a part is left"
done
echo "killed: $former times before, $restored times after it was in place"
start -w 2 --database "$database"
expect 200 GET /items/1
put_items again 2
stop
