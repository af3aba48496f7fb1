#!/bin/bash
# Goal: the hostile set of bench/ runs: a moment of its attacks at once costs
# no guest a request. (Waits are judged where it is run alone.)
. "$(dirname "$0")/lib.sh"

attacks=slow_headers,slow_bodies,slow_readers,garbage,smuggling,header_floods
attacks+=,endless_bodies,churn,not_found,wrong_tokens
PRONG=$prong "$root/bench/hostile.py" --seconds 0.5 --rate 50 --together \
    --untimed --only "$attacks" >"$T/out" || fail "$(cat "$T/out")"
grep -q '^passed$' "$T/out" || fail "$(cat "$T/out")"
