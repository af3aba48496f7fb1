#!/bin/bash
# Goal: as process 1, as in a container, the master reaps strangers, and TERM
# still means a graceful stop.
. "$(dirname "$0")/lib.sh"

unshare -pf --mount-proc true 2>/dev/null || skip "a new process namespace"
make_app
# A stranger whose parent leaves: it becomes a child of process 1, and dies.
cat >"$T/as-first" <<SH
#!/bin/bash
(setsid sh -c 'sleep 0.5; touch "$T/left"' &)
exec "$prong" "\$@"
SH
cat >"$T/in-container" <<SH
#!/bin/bash
exec unshare -pf --mount-proc "$T/as-first" "\$@"
SH
chmod +x "$T/as-first" "$T/in-container"
prong=$T/in-container
start -w 2
expect 200 GET /items/1
first=$(pgrep -P "$PID")
await 10 test -e "$T/left"
no_zombies() {
    [ -z "$(ps -o stat= --ppid "$first" | awk '/^Z/')" ]
}
await 5 no_zombies
await 10 logged 'Booting worker' 2
[ "$(pgrep -f -P "$first" '^prong: worker' | wc -l)" -eq 2 ] || fail "not two workers"
kill -TERM "$first"
ended 20 0
logged 'Shutting down: Master' || fail "no orderly end"
