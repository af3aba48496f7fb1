#!/bin/bash
# Goal: with the cache and without it a server says the same. Two servers on
# two copies of one database are told the same writes and asked the same
# questions, at random; one keeps nothing.
#
# $SEED repeats a run and $STEPS makes it longer; otherwise it runs with one
# seed that is always the same and one that never is.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/cache.sh"

cp -r "$here/books" "$T/app"
start --database "$T/kept.db" -w 1
stop
tokens=()
for who in '1 user' '2 user' '9 admin'; do
    read -r id role <<<"$who"
    tokens+=("$("$prong" token add "$T/app" --database "$T/kept.db" \
        --user "$id" --role "$role" 2>"$T/out" | grep -oE '[^ ]{32,}')")
done
cp "$T/kept.db" "$T/first.db"
export TOKENS="${tokens[*]}"

compare() { # SEED
    rm -f "$T"/kept.db* "$T"/plain.db*
    cp "$T/first.db" "$T/kept.db"
    cp "$T/first.db" "$T/plain.db"
    start --database "$T/plain.db" -w 2 --cache-size 0 --keep-alive 60 \
        --limit-auth-failures 0
    local plain=$PID
    export PLAIN=$PORT
    start_cached --database "$T/kept.db" -w 3 --keep-alive 60 \
        --limit-auth-failures 0
    KEPT=$PORT SEED=$1 DATABASES="$T/kept.db $T/plain.db" \
        python3 "$here/cache_differential.py" || fail "SEED=$1 shows it again"
    stop
    PID=$plain
    stop
}
if [ "${SEED-}" ]; then
    compare "$SEED"
else
    compare 78
    compare "$RANDOM$RANDOM"
fi
