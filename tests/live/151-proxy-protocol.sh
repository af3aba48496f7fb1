#!/bin/bash
# Goal: the PROXY protocol, both versions, at the beginning of a connection and
# nowhere else, from those who may, who then must; operators' connections begin
# without it.
. "$(dirname "$0")/lib.sh"

make_app
# As start; but the listener speaks only with whom begins so, thus it is the
# operators' that says when it is ready.
start_behind() {
    rm -f "$T/log"
    launch -w 1 --admin-bind 0 --access-logfile "$T/log.access" \
        --access-logformat '%(h)s %(U)s %(s)s' "$@" "$T/app"
    await 20 grep -q 'Admin at:' "$T/log"
    URL=$(sed -n 's/.*Admin at: \(http:[^ ]*\) .*/\1/p' "$T/log")
    await 20 is_ready
    expect 200 GET /live
}

start_behind --proxy-protocol # as Gunicorn's flag, alone: auto
curl -s -m 20 --haproxy-protocol "http://127.0.0.1:$PORT/items/1" >"$T/body"
json '$.id' 1
cat >"$T/clients.py" <<'PY'
import struct
from client import Connection, check, same

MARK = b"\r\n\r\n\x00\r\nQUIT\n"
V1 = b"PROXY TCP4 192.0.2.7 198.51.100.1 49152 443\r\n"
V6 = b"PROXY TCP6 2001:db8::7 ::1 1 2\r\n"
LOCAL = MARK + b"\x20\x00\x00\x00"


def v2(address, tlvs=b""):
    body = bytes(map(int, address.split("."))) + bytes(4)
    body += struct.pack("!HH", 1, 2) + tlvs
    return MARK + b"\x21\x11" + struct.pack("!H", len(body)) + body


def get(path):
    return f"GET {path} HTTP/1.1\r\nHost: a\r\n\r\n".encode()


def refused(data, status, what):
    with Connection() as c:
        c.send(data)
        same(c.read().status, status, what)
        check(c.is_closed(), f"{what}: it stays open")
PY
python3 - <<'PY'
import sys, os
sys.path.insert(0, os.environ["T"])
from clients import *

tls = b"\x20\x00\x05\x01\x00\x00\x00\x00"
for name, begin in (("v1", V1), ("v6", V6), ("unknown", b"PROXY UNKNOWN\r\n"),
                    ("v2", v2("192.0.2.8")), ("local", LOCAL),
                    ("tls", v2("192.0.2.9", tls)),
                    ("long", v2("192.0.2.10", b"\x04\x07\xe0" + bytes(2016)))):
    with Connection() as c:
        c.send_slowly(begin, pause=0.001, step=len(begin) // 3)
        c.send(get(f"/items/1?{name}"))
        answer = c.read()
        same(answer.status, 200, name)
        same("strict-transport-security" in answer.headers, name == "tls",
             f"{name}: by https")
    with Connection() as c:  # in one piece, with two requests
        c.send(begin + get("/items/1") + get("/items/2"))
        same([c.read().status, c.read().status], [200, 200], name)
        same(c.get("/items/3").status, 200, f"{name}: kept alive")
        c.send(V1 + get("/items/4"))
        check(c.read().status in (400, 501), f"{name}: a second header")
refused(get("/items/1"), 400, "without a header")
refused(b"PROXY TCP4 1.2.3.4\r\n" + get("/"), 400, "half a header")
refused(b"PROXY UNKNOWN " + 100 * b"x", 400, "an endless header")
refused(MARK + b"\x21\x11\xff\xff", 400, "a long binary one")
refused(V1 + b"GET / HTTP/1.1\r\n\r\n", 400, "a bad request behind it")
PY
kill -TERM "$PID"
ended 20 0
for one in '192.0.2.7 /items/1 200' '2001:db8::7 /items/1 200' \
    '192.0.2.8 /items/1 200' '192.0.2.10 /items/3 200' \
    '127.0.0.1 /items/1 200'; do
    grep -qxF "$one" "$T/log.access" || fail "no line $one"
done
logged 'Invalid request from ip=192\.0\.2\.7: Missing Host' ||
    fail "the client is not in the log"

# ---- those who may not, and one version alone

start_behind --proxy-protocol v2 --proxy-allow-from 192.0.2.0/24
python3 - <<'PY'
import sys, os
sys.path.insert(0, os.environ["T"])
from clients import *

refused(LOCAL + get("/items/1"), 403, "a stranger with a header")
refused(V1 + get("/items/1"), 501, "of the other version: no HTTP")
with Connection() as c:
    same(c.get("/items/1").status, 200, "a stranger without")
PY
logged 'Invalid request from ip=127\.0\.0\.1: This address may send no PROXY' ||
    fail "the stranger is not in the log"
kill -TERM "$PID"
ended 20 0
