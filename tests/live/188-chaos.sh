#!/bin/bash
# Goal: the chaos run of bench/ runs: two seconds of it lose no request but
# those of killed workers. (Its times are judged where it is run alone.)
. "$(dirname "$0")/lib.sh"

PRONG=$prong "$root/bench/chaos.py" --seconds 1 --seed 7 --rate 200 \
    --untimed --only kill,stop,more,reload,control,fewer >"$T/out" ||
    fail "$(cat "$T/out")"
grep -q '^passed$' "$T/out" || fail "$(cat "$T/out")"
