#!/bin/sh
# Installs the Debian packages named on the command line that are missing.
# Says one line when there is something to do, and one when it cannot.
set -u
missing=
for p in "$@"; do
    dpkg-query -W -f '${Status}' "$p" 2>/dev/null |
        grep -q '^install ok installed$' || missing="$missing $p"
done
[ -z "$missing" ] && exit 0

as_root=
if [ "$(id -u)" -ne 0 ]; then
    as_root=sudo
    command -v sudo >/dev/null || {
        echo "prong: please install as root: apt-get install$missing" >&2
        exit 1
    }
fi
echo "prong: installing$missing"
log=$(mktemp)
# shellcheck disable=SC2086  # $missing is a list of words
{ $as_root apt-get update &&
    $as_root env DEBIAN_FRONTEND=noninteractive \
        apt-get install -y --no-install-recommends $missing; } >"$log" 2>&1 || {
    tail -n 3 "$log" >&2
    echo "prong: cannot install$missing (whole log: $log)" >&2
    exit 1
}
rm -f "$log"
