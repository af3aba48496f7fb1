# A load that goes on while an operator works, and must not notice. Sourced
# after lib.sh.
# shellcheck shell=bash disable=SC2154

# begin_load PATH: asks for it until end_load, which fails if a single answer was missing.
begin_load() {
    rm -f "$T/enough" "$T/begun"
    python3 "$here/steady_load.py" "$1" >"$T/load" 2>&1 &
    load=$!
    await 10 test -e "$T/begun"
}

end_load() {
    touch "$T/enough"
    wait "$load" || fail "clients noticed: $(cat "$T/load")"
    cat "$T/load"
}
