#!/bin/bash
# Runs tests, each with a time limit, and says one line about each.
#
#     tests/run.sh unit BUILD programs…
#     tests/run.sh fuzz BUILD programs…
#     tests/run.sh live BUILD scripts…
#     tests/run.sh all  BUILD unit-programs… -- fuzz-programs… -- scripts…
#
# Unit tests run four at a time, live scripts three, which find the server in
# $PRONG_BUILD. What a failed test said is shown. The last line is "N passed,
# N failed"; the exit code is 0 only if something ran and nothing failed.
set -u
cd "$(dirname "$0")/.." || exit 1

ring=$1
PRONG_BUILD=$(realpath "$2")
export PRONG_BUILD
shift 2

# Sanitizers make programs several times slower.
limit=120
case $PRONG_BUILD in */san-*) limit=360 ;; esac

results=$(mktemp -d /tmp/prong-run-XXXXXX)
trap 'rm -rf "$results"' EXIT
trap 'trap - TERM; kill -TERM 0; exit 130' INT TERM

# "python3" may be a script that looks for the right one each time, slowly
# (pyenv): asked here, once.
mkdir "$results/bin"
interpreter=$(python3 -c 'import sys; print(sys.executable)') &&
    ln -s "$(realpath "$interpreter")" "$results/bin/python3" &&
    PATH=$results/bin:$PATH

# finish NAME STATUS SECONDS: the line about one test, and why it failed.
# Exit code 77 means that this machine does not permit the test.
finish() {
    local word=ok
    case $2 in
    0) ;;
    77) word=skip ;;
    124 | 137) word="FAIL (time limit ${limit}s)" ;;
    *) word="FAIL (exit $2)" ;;
    esac
    printf '%-44s %s %ss\n' "$1" "$word" "$3"
    case $word in
    ok) echo "$1" >>"$results/passed" ;;
    skip) tail -n 1 "$results/${1//\//_}" | sed 's/^/    /' ;;
    *)
        sed 's/^/    /' "$results/${1//\//_}"
        echo "$1" >>"$results/failed"
        ;;
    esac
}

# one NAME COMMAND…
one() {
    local name=$1 start=$EPOCHREALTIME out status
    shift
    out=$results/${name//\//_}
    timeout --kill-after=10 "$limit" "$@" </dev/null >"$out" 2>&1
    status=$?
    # One write, so that two running at once do not mix their lines.
    finish "$name" "$status" \
        "$(awk "BEGIN{printf \"%.1f\", $EPOCHREALTIME - $start}")" \
        >"$out.line"
    cat "$out.line"
}

# Several at a time: most of them wait more than they work.
running=0
beside() { # HOW-MANY and as one, in the background
    if [ "$running" -ge "$1" ]; then
        wait -n
        running=$((running - 1))
    fi
    shift
    one "$@" &
    running=$((running + 1))
}
all_done() {
    wait
    running=0
}

run_unit() {
    for program in "$@"; do
        beside 4 "unit/$(basename "$program")" "$program"
    done
    all_done
}

# A fuzz target's seeds lie in tests/fuzz/corpus/NAME.
run_fuzz() {
    local name
    for program in "$@"; do
        name=$(basename "$program")
        one "fuzz/$name" "$program" "tests/fuzz/corpus/${name#fuzz_}"
    done
}

run_live() {
    for script in "$@"; do
        beside 3 "live/$(basename "$script" .sh)" "$script"
    done
    all_done
}

# Calls run_unit, run_fuzz, run_live with the three lists between the "--".
run_all() {
    local rings=(unit fuzz live) list=() ring=0
    for word in "$@" --; do
        if [ "$word" != -- ]; then
            list+=("$word")
            continue
        fi
        "run_${rings[ring]}" "${list[@]}"
        list=()
        ring=$((ring + 1))
    done
}

case $ring in
unit | fuzz | live | all) "run_$ring" "$@" ;;
*)
    echo "usage: tests/run.sh all|unit|fuzz|live BUILD …" >&2
    exit 2
    ;;
esac

count() {
    if [ -e "$1" ]; then wc -l <"$1"; else echo 0; fi
}
passed=$(count "$results/passed")
failed=$(count "$results/failed")
echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ] && [ "$passed" -gt 0 ]
