#!/bin/bash
# Goal: whatever two parsers might read differently is refused, the refusal
# can be read, and the connection is closed (RFC 9112; request smuggling).
. "$(dirname "$0")/lib.sh"

make_app
start -w 1 --limit-request-line 1000 --limit-request-fields 20 \
    --limit-request-field-size 1000 --limit-request-body 2000
python3 - <<'PY'
from client import Connection, check, same
import json

POST = b"POST /echo HTTP/1.1\r\nHost: a\r\n"
GET = b"GET /items/1 HTTP/1.1\r\nHost: a\r\n"
CHUNKED = POST + b"Transfer-Encoding: chunked\r\n"
AFTER = b"GET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n"
CASES = [
    ("length with coding", 400, CHUNKED + b"Content-Length: 5\r\n\r\n0\r\n\r\n"),
    ("two lengths", 400, POST + b"Content-Length: 2\r\nContent-Length: 3\r\n\r\n{}x"),
    ("length list", 400, POST + b"Content-Length: 2, 3\r\n\r\n{}x"),
    ("length with sign", 400, POST + b"Content-Length: +2\r\n\r\n{}"),
    ("length in hex", 400, POST + b"Content-Length: 0x2\r\n\r\n{}"),
    ("length beyond 64 bits", 400, POST + b"Content-Length: 18446744073709551618\r\n\r\n{}"),
    ("bare LF", 400, b"GET /items/1 HTTP/1.1\nHost: a\n\n"),
    ("bare LF in the head", 400, GET + b"X: 1\nY: 2\r\n\r\n"),
    ("bare CR in a value", 400, GET + b"X: a\rb\r\n\r\n"),
    ("space before the colon", 400, GET + b"X : 1\r\n\r\n"),
    ("space before the coding", 400, POST + b"Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n"),
    ("folded header", 400, GET + b"X: 1\r\n 2\r\n\r\n"),
    ("no name", 400, GET + b": 1\r\n\r\n"),
    ("NUL in a value", 400, GET + b"X: a\0b\r\n\r\n"),
    ("NUL in the path", 400, b"GET /a%00b HTTP/1.1\r\nHost: a\r\n\r\n"),
    ("bad percent", 400, b"GET /a%zz HTTP/1.1\r\nHost: a\r\n\r\n"),
    ("no Host", 400, b"GET / HTTP/1.1\r\n\r\n"),
    ("two Hosts", 400, GET + b"Host: b\r\n\r\n"),
    ("bad Host", 400, b"GET / HTTP/1.1\r\nHost: a b\r\n\r\n"),
    ("out of the root", 400, b"GET /../etc/passwd HTTP/1.1\r\nHost: a\r\n\r\n"),
    ("encoded dots", 400, b"GET /%2e%2e/x HTTP/1.1\r\nHost: a\r\n\r\n"),
    ("version 2.0", 505, b"GET / HTTP/2.0\r\nHost: a\r\n\r\n"),
    ("version junk", 400, b"GET / HTTQ/1.1\r\nHost: a\r\n\r\n"),
    ("garbage", 400, b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n"),
    ("gzip coding", 501, POST + b"Transfer-Encoding: gzip\r\n\r\n"),
    ("chunked not last", 400, POST + b"Transfer-Encoding: chunked, gzip\r\n\r\n"),
    ("two codings", 400, CHUNKED + b"Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n"),
    ("bad chunk size", 400, CHUNKED + b"\r\nxyz\r\n"),
    ("chunk size beyond 64 bits", (400, 413), CHUNKED + b"\r\nfffffffffffffffff\r\n"),
    ("chunk without end", 400, CHUNKED + b"\r\n2\r\n{}XX0\r\n\r\n"),
    ("chunk size with LF", 400, CHUNKED + b"\r\n2\n{}\r\n0\r\n\r\n"),
    ("line too long", 414, b"GET /" + b"a" * 1000 + b" HTTP/1.1\r\nHost: a\r\n\r\n"),
    ("header too long", 431, GET + b"X: " + b"a" * 1001 + b"\r\n\r\n"),
    ("too many headers", 431, GET + b"X: 1\r\n" * 20 + b"\r\n"),
    ("body too long", 413, POST + b"Content-Length: 2001\r\n\r\n"),
    ("chunks too long", 413, CHUNKED + b"\r\n7d1\r\n" + b"a" * 2001),
    ("expectation", 417, POST + b"Expect: tea\r\nContent-Length: 2\r\n\r\n{}"),
]
for name, status, data in CASES:
    with Connection() as c:
        c.send(data + AFTER)
        answer = c.read()
        wanted = status if isinstance(status, tuple) else (status,)
        check(answer.status in wanted, f"{name}: {answer}, not {status}")
        same(answer.headers.get("connection"), "close", f"{name}: Connection")
        same(json.loads(answer.body)["status"], answer.status, f"{name}: body")
        check(c.is_closed(), f"{name}: still open, or more was answered")
print(len(CASES), "refusals")
PY
stop
