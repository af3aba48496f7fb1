# Sourced behind lib.sh by scripts that install something: an overlay of this
# system in a mount namespace, in which everything that is there can be used
# and nothing that is done there gets out.
#
#     overlay_open
#     there dpkg -i /package.deb
#
# $R       its root, to be seen from inside the namespace alone
# $holder  a process in it; when that ends, all of it is gone
# shellcheck shell=bash disable=SC2154  # lib.sh assigns them
R=$T/root holder=0

# inside COMMAND…: in the namespace, but with this system as its root.
inside() {
    nsenter --target "$holder" --mount "$@"
}

is_unshared() {
    [ "$(readlink "/proc/$holder/ns/mnt")" != "$(readlink /proc/self/ns/mnt)" ]
}

overlay_open() {
    setsid unshare --mount --propagation private sleep 120 2>"$T/out" &
    holder=$!
    groups+=("$holder")
    await 5 test -e "/proc/$holder/ns/mnt"
    await 5 is_unshared_or_dead
    is_unshared 2>/dev/null || skip "a mount namespace: $(cat "$T/out")"
    mkdir "$T/layer" "$R"
    inside sh -ec "
        mount -t tmpfs prong '$T/layer'
        mkdir '$T/layer/upper' '$T/layer/work'
        mount -t overlay prong '$R' \
            -o 'lowerdir=/,upperdir=$T/layer/upper,workdir=$T/layer/work'
        mount -t proc proc '$R/proc'
        mount -t tmpfs prong '$R/tmp'
        mount -t tmpfs prong '$R/run'
        mount -t tmpfs prong '$R/dev'
        for node in null:3 zero:5 full:7 random:8 urandom:9; do
            mknod -m 666 '$R/dev/'\${node%:*} c 1 \${node#*:}
        done
        mknod -m 666 '$R/dev/tty' c 5 0
        ln -s pts/ptmx '$R/dev/ptmx'
    " 2>"$T/out" || skip "an overlay: $(cat "$T/out")"
}

is_unshared_or_dead() {
    ! kill -0 "$holder" || is_unshared
}

# there COMMAND…: in the overlay; leaves $T/out, and shows it on failure.
there() {
    inside chroot "$R" "$@" >"$T/out" 2>&1 || fail "$*: $(cat "$T/out")"
}

# says TEXT COMMAND…: there, and all it says is that.
says() {
    local text=$1
    shift
    there "$@"
    [ "$(cat "$T/out")" = "$text" ] || fail "$*: $(cat "$T/out"), not $text"
}

# Installs the package of the program under test, with all of its files, also
# where dpkg leaves out documentation.
install_package() {
    local deb
    deb=$("$root/etc/deploy/deb/build" "$prong" "$T/build" 2>"$T/out") ||
        fail "no package: $(cat "$T/out")"
    [[ $deb = "$T"/build/prong_*.deb && ! -s $T/out ]] || fail "$(cat "$T/out")"
    inside cp "$deb" "$R/prong.deb"
    there dpkg --no-triggers --path-include='/usr/share/*' -i /prong.deb
}

may_install() {
    [ "$(id -u)" -eq 0 ] || skip "installing a package"
    case $prong in */san-*) skip "a package of a sanitized program" ;; esac
    [ ! -e /usr/bin/prong ] || skip "there is a prong on this system already"
}

# Two free ports.
free_ports() {
    python3 -c '
import socket
held = [socket.create_server(("127.0.0.1", 0)) for _ in range(2)]
print(*[s.getsockname()[1] for s in held])'
}
