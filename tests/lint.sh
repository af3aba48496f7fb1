#!/bin/bash
# Checks the source without running it; says one line about each check.
#
#     tests/lint.sh BUILD
#
# BUILD is where the program may lie, for the checks that ask it something.
# shellcheck disable=SC2317  # the checks below are called through check()
set -u
cd "$(dirname "$0")/.." || exit 1
shopt -s nullglob

include=(-std=gnu11 -D_GNU_SOURCE -I. -isystem /usr/share/include/llhttp)

# Each file's findings in one piece, since two files are read at once.
tidy_one() {
    local out
    out=$(clang-tidy --quiet "$1" -- "${include[@]}" 2>/dev/null) && return
    grep -F 'error: ' <<<"$out"
    return 1
}
if [ "$1" = --tidy-one ]; then
    tidy_one "$2"
    exit
fi

build=$1
said=$(mktemp)
trap 'rm -f "$said"' EXIT
failed=0

parts=(common master worker tests bench)
c_files=() headers=()
for part in "${parts[@]}"; do
    c_files+=("$part"/*.c "$part"/*/*.c "$part"/*/*/*.c)
    headers+=("$part"/*.h "$part"/*/*.h "$part"/*/*/*.h)
done
scripts=(*/*.sh */*/*.sh)

# Names of files that begin with "#!" and have no ending.
shebangs() {
    find . \( -name build -o -name .git -o -name node_modules \) -prune -o \
        -type f ! -name '*.*' -print | while read -r file; do
        head -c 64 "$file" | grep -aqE '^#!.*\b(ba)?sh\b' && echo "$file"
    done
}

# check NAME COMMAND…: what it says is shown if it fails.
check() {
    local name=$1
    shift
    if "$@" >"$said" 2>&1; then
        echo "$name: ok"
    else
        echo "$name: FAIL"
        awk '!seen[$0]++ { print "    " $0 }' "$said"
        failed=1
    fi
}

formatting() {
    clang-format --dry-run -Werror "${c_files[@]}" "${headers[@]}"
}

tidy() {
    printf '%s\0' "${c_files[@]}" |
        xargs -0 -P 2 -I '{}' tests/lint.sh --tidy-one '{}'
}

shells() {
    local -a more
    mapfile -t more < <(shebangs)
    shellcheck -x -P tests/live "${scripts[@]}" "${more[@]}"
}

example_file() {
    "$build/prong" --example-config | diff etc/prong.conf -
}

trailing_blanks() {
    ! grep -rnIE '[[:blank:]]+$' --exclude-dir=.git --exclude-dir=build \
        --exclude-dir=var --exclude-dir=corpus --exclude-dir=node_modules .
}

check formatting formatting
check layers tests/layers.sh
check 'trailing blanks' trailing_blanks
check 'shell scripts' shells
if [ -x "$build/prong" ]; then
    check 'etc/prong.conf is what the program prints' example_file
fi
check clang-tidy tidy
exit "$failed"
