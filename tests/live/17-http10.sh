#!/bin/bash
# Goal: HTTP/1.0 clients: closed after one answer, kept if they ask for it, no
# Host needed, never an interim answer or a chunk.
. "$(dirname "$0")/lib.sh"

make_app
start -w 1
expect 200 GET /items/1 --http1.0
python3 - <<'PY'
from client import Connection, check, same
with Connection() as c:
    c.send("GET /items/1 HTTP/1.0\r\n\r\n")
    answer = c.read()
    same(answer.status, 200, "without Host")
    same(answer.headers.get("connection"), "close", "Connection")
    check(c.is_closed(), "closed after one answer")
with Connection() as c:
    for _ in range(3):
        c.send("GET /items/1 HTTP/1.0\r\nConnection: keep-alive\r\n\r\n")
        answer = c.read()
        same(answer.headers.get("connection", "").lower(), "keep-alive",
             "Connection")
with Connection() as c:
    c.send("POST /echo HTTP/1.0\r\nConnection: keep-alive\r\n"
           "Expect: 100-continue\r\nContent-Type: application/json\r\n"
           'Content-Length: 8\r\n\r\n{"n": 1}')
    same(c.read().status, 200, "no interim answer for HTTP/1.0")
PY
stop
