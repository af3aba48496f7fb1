#!/bin/bash
# Minutes of what the suite does for seconds: kills of everything at random
# moments, power cuts, and forty writers, one after the other.
#
#     tests/soak.sh BUILD [ROUNDS]      60 rounds, some five minutes
#
# The exit code is 0 only if all of them held.
set -u
cd "$(dirname "$0")/.." || exit 1
PRONG_BUILD=$(realpath "${1:-build}")
rounds=${2:-60}
export PRONG_BUILD KILL_ROUNDS=$rounds CUT_ROUNDS=$rounds FAIR_SECONDS=$rounds

failed=0
for name in 93-kills 90-power-cut 92-fair-writes; do
    echo "==== $name"
    "tests/live/$name.sh" || failed=1
done
exit "$failed"
