#!/bin/bash
# Goal: a job runs each time it is due and never twice for one time, across
# reloads and keepers that are killed; one that fails is seen in the log and at
# /api/jobs; operators run one by hand; a lock from outside only delays it.
. "$(dirname "$0")/lib.sh"
. "$here/operators.sh"

make_app
# Within its transaction prong_jobs says when the run under way began.
cat >"$T/app/schema/002.sql" <<'SQL'
CREATE TABLE ticks (at INTEGER NOT NULL);
CREATE TABLE notes (text TEXT NOT NULL);
SQL
mkdir -p "$T/app/jobs"
cat >"$T/app/jobs/clock.sql" <<'SQL'
-- EVERY 1s tick
INSERT INTO ticks SELECT ran_at FROM prong_jobs WHERE name = 'tick';

-- EVERY 1s broken
INSERT INTO notes VALUES ('half');
INSERT INTO notes VALUES (NULL);

-- EVERY 1h hourly
INSERT INTO notes VALUES ('hourly');
SQL
db=$T/jobs.db
says() { # SQL: what the database says
    sqlite3 -cmd '.timeout 5000' "$db" "$1"
}
ticks() {
    says 'SELECT count(*) FROM ticks'
}
ticked() { # COUNT: so many at least
    [ "$(ticks)" -ge "$1" ]
}
shown() { # NAME MEMBER: what /api/jobs says of that job
    look /api/jobs
    sqlite3 :memory: "SELECT coalesce(value ->> '\$.$2', 'null') FROM json_each(
        CAST(readfile('$T/page') AS TEXT), '\$.jobs')
        WHERE value ->> '\$.name' = '$1'"
}
shows_job() { # NAME MEMBER REGEX: for await
    [[ $(shown "$1" "$2") =~ ^($3)$ ]]
}
# Each run is due a second after the one before began: two for one time would
# lie closer together. (The clocks are read in whole ms.)
never_twice() {
    local closest
    closest=$(says 'SELECT coalesce(min(at - before), 1000) FROM (SELECT at,
        lag(at) OVER (ORDER BY at) AS before FROM ticks)')
    [ "$closest" -ge 998 ] || fail "two runs within $closest ms"
}
another_keeper() { # PID: there is one, and it is not that one
    [ "$(keeper | wc -l)" -eq 1 ] && ! keeper | grep -qx "$1"
}

start_admin -w 2 --database "$db"
await 10 another_keeper 0
await 20 ticked 2

# ---- it is seen, and so is one that fails

await 10 shows_job broken failures '[1-9]\d*'
shows_job broken failed 1 || fail "the failure is not shown"
shows_job broken schedule 'EVERY 1s' || fail "no schedule"
reason='.*/jobs/clock\.sql:6: NOT NULL constraint failed: notes\.text'
shows_job broken error "$reason" || fail "why: $(shown broken error)"
logged "\[ERROR\] Job broken: $reason \(after [0-9.]+ ms\)" || fail "not logged"
[ "$(says 'SELECT count(*) FROM notes')" = 0 ] || fail "half of it was left"
logged '\[INFO\] Job tick: done in [0-9.]+ ms' || fail "no line of a run"
shows_job tick failed 0 || fail "it did not fail"
shows_job tick last_run '20.*Z' || fail "no time of it"
shows_job hourly runs 0 || fail "it was not due"
shows_job hourly next_run '20.*Z' || fail "no next time of it"
for name in idempotency_keys optimize; do
    shows_job "$name" present 1 || fail "no job $name"
done
expect 401 GET /api/jobs

# ---- by hand

run() { # STATUS NAME
    URL=$ADMIN expect "$1" POST "/api/jobs/$2/run"
}
run 200 hourly
json '$.status' 'done'
[ "$(says 'SELECT text FROM notes')" = hourly ] || fail "it did not run"
run 200 hourly
shows_job hourly runs 2 || fail "runs of it: $(shown hourly runs)"
run 200 optimize
run 200 idempotency_keys
run 500 broken
json '$.detail' "$(shown broken error)"
run 404 nobody
expect 401 POST /api/jobs/hourly/run
[ "$(says 'SELECT count(*) FROM notes')" = 2 ] || fail "not twice"

# ---- keepers come and go

for _ in 1 2; do # each is made later than the one before
    old=$(keeper)
    count=$(ticks)
    kill -KILL "$old"
    await 20 another_keeper "$old"
    await 20 ticked $((count + 1))
done
for _ in 1 2; do
    old=$(keeper)
    kill -HUP "$PID"
    await 20 another_keeper "$old"
    await 20 ticked $(($(ticks) + 1))
done
never_twice
# A run whose keeper died before it told is not counted.
runs=$(shown tick runs)
count=$(ticks)
[ "$runs" -le "$count" ] || fail "$runs runs, but $count rows"
[ "$runs" -ge $((count - 4)) ] || fail "only $runs runs of $count rows"

# ---- somebody else has the lock

mkfifo "$T/hold"
sqlite3 "$db" >/dev/null <"$T/hold" &
holder=$!
exec 4>"$T/hold"
echo 'BEGIN IMMEDIATE;' >&4
await 10 logged 'Job (tick|broken): somebody outside the server holds'
count=$(ticks)
echo 'COMMIT;' >&4
exec 4>&-
wait "$holder"
await 20 ticked $((count + 2))
never_twice

# ---- taken out of the app; and a server that starts again goes on

sed -i '/broken/,/NULL/d' "$T/app/jobs/clock.sql"
kill -HUP "$PID"
await 20 shows_job broken present 0
[ "$(shown broken failures)" -ge 2 ] || fail "its counts are gone"
run 404 broken
stop
count=$(ticks)
start_admin -w 1 --database "$db"
await 20 ticked $((count + 2))
never_twice
stop
