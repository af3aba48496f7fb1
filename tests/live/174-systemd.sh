#!/bin/bash
# Goal: a real systemd runs the package's units as they are, hardening and all:
# it learns when the server is ready, reloads it, follows the binary upgrade,
# stops it without a kill, starts it anew when it died, listens for it, and does
# not try again what cannot work.
. "$(dirname "$0")/lib.sh"
. "$here/overlay.sh"

unexpected='Sanitizer|runtime error|Assertion' # it is killed on purpose
may_install
[ -x /lib/systemd/systemd ] && command -v systemctl >/dev/null ||
    sh "$root/etc/packages.sh" systemd >"$T/out" 2>&1 ||
    skip "$(tail -n 1 "$T/out")"

# ---- a system of its own: an overlay, its processes, and a part of the tree
# of control groups (version 2), which ends with them

tree=$(awk '$3 == "cgroup2" { print $2; exit }' /proc/mounts)
[ -n "$tree" ] || skip "control groups, version 2"
group=$tree/prong-live-$$ system=
mkdir "$group" 2>"$T/out" || skip "a control group: $(cat "$T/out")"
end_group() {
    echo 1 >"$group/cgroup.kill" 2>/dev/null || true
    find "$group" -depth -type d -exec rmdir {} + 2>/dev/null
}
shut_down() {
    local status=$?
    trap - EXIT
    { end_group || wait "$system" || true; } 2>/dev/null
    for _ in $(seq 100); do
        end_group && break
        sleep 0.05
    done
    set +e
    (exit "$status") # clean_up looks at it
    clean_up
}
trap shut_down EXIT
overlay_open
install_package
read -r port admin < <(free_ports)
there sed -i "s/127.0.0.1:8000/127.0.0.1:$port/; s/127.0.0.1:8001/127.0.0.1:$admin/
              s/^workers = .*/workers = 2/" /etc/prong/softfactory.conf
setsid sh -ec "
    echo \$\$ >'$group/cgroup.procs'
    exec nsenter --target $holder --mount unshare --pid --fork --kill-child \
        --cgroup --mount --ipc --uts sh -ec '
            mount -t proc proc $R/proc
            mount --bind $R/proc/sys $R/proc/sys
            mount -o remount,bind,ro $R/proc/sys
            mount -t sysfs -o ro sysfs $R/sys
            mount -t cgroup2 cgroup2 $R/sys/fs/cgroup
            mkdir $R/run/before
            cd $R
            pivot_root . run/before
            umount -l /run/before
            exec env -i container=prong PATH=/usr/sbin:/usr/bin \
                /lib/systemd/systemd --system --unit=basic.target \
                --log-target=console --show-status=no'
" >"$T/system.out" 2>&1 &
system=$!
groups+=("$system")
first=0
is_up() {
    first=$(head -n 1 "$group/init.scope/cgroup.procs") &&
        [ "$first" -gt 0 ] && in_system systemctl is-system-running
}
in_system() {
    nsenter --target "$first" --mount --pid --cgroup --ipc --uts \
        setpriv --reset-env "$@"
}
for _ in $(seq 200); do
    is_up >"$T/out" 2>&1 && break
    sleep 0.05
done
is_up >"$T/out" 2>&1 || skip "systemd: $(cat "$T/system.out" "$T/out")"

unit=prong@softfactory
URL=http://127.0.0.1:$port
ctl() { # ARGUMENTS…: systemctl, which must succeed
    in_system timeout 40 systemctl "$@" >"$T/out" 2>&1 || {
        in_system systemctl status --no-pager -l -n 30 "$unit" >&2
        fail "systemctl $*: $(cat "$T/out")"
    }
}
property() {
    in_system systemctl show -P "$1" "$unit"
}
has() { # PROPERTY VALUE
    [ "$(property "$1")" = "$2" ]
}

# ---- ready, reloaded

ctl start "$unit"
is_ready || fail "systemd says that it is ready, and it is not"
has ActiveState active
expect 200 GET /
expect 200 GET /api/platform/products
expect 200 PUT /api/coocook/chefs/7 -H 'Authorization: Bearer demo_token' \
    --json '{"hourly_rate": 41000}'
master=$(property MainPID)
ctl reload "$unit"
ctl is-active "$unit"
has MainPID "$master" || fail "a reload changes the process"

# ---- another program takes over, and is stopped in peace

ctl kill -s USR2 --kill-whom=main "$unit"
second_is_ready() {
    in_system journalctl -o cat -u "$unit" | grep -a 'Master.2 is ready'
}
await 20 second_is_ready
in_system kill -TERM "$master"
has_another_main() {
    ! has MainPID "$master" && has ActiveState active && is_ready
}
await 20 has_another_main
ctl stop "$unit"
has Result success || fail "after the upgrade it was stopped by $(property Result)"

# ---- it died; systemd listens meanwhile

ctl start "$unit.socket" "$unit"
by_socket() {
    nsenter --target "$first" --mount curl -s -m 20 -o /dev/null \
        -w '%{http_code}' --unix-socket /run/prong/softfactory.sock \
        http://softfactory/ready
}
[ "$(by_socket)" = 200 ] || fail "nothing at the socket of systemd"
ctl kill -s KILL --kill-whom=main "$unit"
# (Who is at a worker that goes down with it gets no answer; nobody is refused.)
is_back() {
    local code=0
    by_socket >"$T/out" || code=$?
    [ "$code" -ne 7 ] || fail "a client was refused while it was down"
    has NRestarts 1 && [ "$(cat "$T/out")" = 200 ]
}
await 20 is_back
ctl stop "$unit.socket" "$unit"

# ---- what cannot work is not tried again

in_system sed -i 's/^workers = .*/workers = none/' /etc/prong/softfactory.conf
! in_system systemctl start "$unit" >"$T/out" 2>&1 || fail "it started"
has ExecMainStatus 2 || fail "it ended with $(property ExecMainStatus)"
has ActiveState failed || fail "it is $(property ActiveState)"
