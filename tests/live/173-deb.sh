#!/bin/bash
# Goal: the Debian package installs, serves its example app as the user it has
# made, and goes away without a trace but the data.
. "$(dirname "$0")/lib.sh"
. "$here/overlay.sh"

may_install
overlay_open

# ---- installed

install_package
says 'ii  prong' dpkg-query -W -f "\${db:Status-Abbrev} \${Package}" prong
there dpkg --verify prong
[ ! -s "$T/out" ] || fail "not as packed: $(cat "$T/out")"
says 'prong:prong 750' stat -c '%U:%G %a' /var/lib/prong
there gzip -t /usr/share/man/man8/prong.8.gz
says /usr/sbin/nologin sh -c 'getent passwd prong | cut -d: -f7'

# ---- it serves, with the settings that came along: as the unit starts it,
# with the folders that systemd would have made

there install -d -o prong -g prong /var/lib/prong/softfactory \
    /run/prong/softfactory
sed -n 's/^ExecStart=//p' "$root/etc/deploy/systemd/prong@.service" |
    sed 's/%i/softfactory/g' >"$T/command"
read -r port admin < <(free_ports)
there sed -i "s/127.0.0.1:8000/127.0.0.1:$port/; s/127.0.0.1:8001/127.0.0.1:$admin/" \
    /etc/prong/softfactory.conf
read -ra command <"$T/command"
setsid nsenter --target "$holder" --mount chroot --userspec prong:prong "$R" \
    "${command[@]}" >>"$T/log" 2>&1 &
PID=$!
groups+=("$PID")
URL=http://127.0.0.1:$port
await 20 ready_or_dead
is_ready || fail "the installed server did not start"
says "$(stat -c %u "/proc/$PID")" id -u prong
[[ $(readlink "/proc/$PID/exe") = */usr/bin/prong ]] ||
    fail "another program: $(readlink "/proc/$PID/exe")"
expect 200 GET /api/platform/products
expect 200 GET /
says "$PID" cat /run/prong/softfactory/prong.pid
[ "$(curl -s -o /dev/null -w '%{http_code}' "http://127.0.0.1:$admin/metrics")" = \
    200 ] || fail "no figures at the operators' address"
stop
there grep -q 'GET /api/platform/products ' /var/log/prong/softfactory.access.log

# ---- removed, and purged: settings and logs go, data stay

there dpkg --no-triggers -r prong
there test ! -e /usr/bin/prong
there grep -q ":$port" /etc/prong/softfactory.conf
there dpkg --no-triggers --purge prong
for path in /etc/prong /var/log/prong /usr/share/prong /usr/share/doc/prong \
    /lib/systemd/system/prong@.service /etc/logrotate.d/prong; do
    there test ! -e "$path"
done
there test -s /var/lib/prong/softfactory/softfactory.db
[ ! -e /usr/bin/prong ] || fail "it got out of the overlay"
