#!/bin/bash
# Makes the library of faults.c, to be preloaded into a server:
#
#     tests/faults/build.sh FILE.so
set -eu
exec "${CC:-cc}" -std=gnu11 -D_GNU_SOURCE -g -O1 -Wall -Wextra -Werror -shared \
    -fPIC -o "$1" "$(dirname "$0")/faults.c"
