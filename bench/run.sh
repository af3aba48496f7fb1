#!/bin/sh
# bench/run.sh [--rounds N] [--seconds N] [--tables a,b] [--servers a,b]
# The one command: installs the peers that can be had, builds the limit
# programs, measures everything. Writes into build/bench and bench/results.
set -eu
cd "$(dirname "$0")/.."
work=build/bench
say() { echo "bench: $*" >&2; }

install_packages() {
    etc/packages.sh gcc libc6-dev libsqlite3-dev sqlite3 python3 wrk \
        util-linux nginx-light python3-flask python3-flask-sqlalchemy \
        python3-sqlalchemy gunicorn
    etc/packages.sh h2o || say "without h2o"
}

# Bun's binary ships inside its package. better-sqlite3 is compiled here, with
# the headers that came with Node where there are any: about a minute, once.
install_npm() {
    [ -e "$work/npm/.done" ] && return 0
    command -v npm >/dev/null || {
        say "no npm: without bun and fastify"
        return 0
    }
    mkdir -p "$work/npm"
    cp bench/peers/package.json "$work/npm/"
    say "installing bun, fastify and better-sqlite3 into $work/npm"
    [ -d /usr/include/node ] && export npm_config_nodedir=/usr
    if (cd "$work/npm" && npm install --no-audit --no-fund) \
        >"$work/npm.log" 2>&1; then
        touch "$work/npm/.done"
    else
        say "npm failed, see $work/npm.log"
    fi
}

build_limit() {
    cc -std=gnu11 -O2 -D_GNU_SOURCE -Wall -Wextra -o "$work/bare" \
        bench/limit/bare.c bench/limit/serve.c
    cc -std=gnu11 -O2 -D_GNU_SOURCE -Wall -Wextra -o "$work/scatter" \
        bench/limit/scatter.c
    cc -std=gnu11 -O2 -D_GNU_SOURCE -Wall -Wextra -o "$work/sqlite" \
        bench/limit/sqlite.c bench/limit/query.c bench/limit/json.c \
        bench/limit/serve.c -lsqlite3
    cc -std=gnu11 -O2 -D_GNU_SOURCE -Wall -Wextra -o "$work/naive" \
        bench/limit/naive.c bench/limit/query.c bench/limit/json.c \
        bench/limit/serve.c -lsqlite3
}

build_client() {
    cc -std=gnu11 -O2 -D_GNU_SOURCE -Wall -Wextra -o "$work/clients" \
        bench/client/clients.c bench/client/question.c \
        bench/client/answer.c -lm
}

# The app of the plain cases: its own endpoints on SoftFactory's tables and
# rows, and files to serve.
build_app() {
    rm -rf "$work/app"
    mkdir -p "$work/app/web"
    cp -r bench/app/. "$work/app/"
    cp etc/softfactory/schema/*.sql "$work/app/schema/"
    cp etc/softfactory/demo.sql "$work/app/"
    for file in 1k:1024 10k:10240 1m:1048576; do
        tr '\0' x </dev/zero | head -c "${file#*:}" \
            >"$work/app/web/${file%:*}.html"
    done
}

# SoftFactory with nothing kept: its table asks what reading costs.
build_platform() {
    rm -rf "$work/platform"
    cp -r etc/softfactory "$work/platform"
    sed -i '/^-- @cache /d; /^-- @warm$/d' "$work"/platform/api/*.sql
}

mkdir -p "$work"
install_packages
install_npm
build_limit
build_client
build_app
build_platform
[ "$(nproc)" -ge 2 ] || { say "needs two CPUs, one for wrk"; exit 1; }
exec /usr/bin/python3 -B bench/measure.py "$@"
