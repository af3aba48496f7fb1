#!/bin/bash
# Goal: requests sent without waiting are answered in their order, whatever
# their bytes are cut into, and also when the client then closes its side.
. "$(dirname "$0")/lib.sh"

make_app
start -w 1
python3 - <<'PY'
from client import Connection, check, same
import json
import socket


def request(i):
    if i % 3 == 0:
        body = json.dumps({"n": i})
        return (f"POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: {len(body)}"
                f"\r\nContent-Type: application/json\r\n\r\n{body}")
    if i % 3 == 1:
        return f"GET /items/{i % 50 + 1} HTTP/1.1\r\nHost: a\r\n\r\n"
    return "HEAD /items/1 HTTP/1.1\r\nHost: a\r\n\r\n"


def verify(c, i):
    answer = c.read(head=i % 3 == 2)
    same(answer.status, 200, f"request {i}")
    if i % 3 == 0:
        same(json.loads(answer.body)["n"], i, f"body of {i}")
    if i % 3 == 1:
        same(json.loads(answer.body)["id"], i % 50 + 1, f"body of {i}")


COUNT = 300
everything = "".join(request(i) for i in range(COUNT))
for step in (len(everything), 1000, 7):
    with Connection() as c:
        for at in range(0, len(everything), step):
            c.send(everything[at:at + step])
        c.socket.shutdown(socket.SHUT_WR)
        for i in range(COUNT):
            verify(c, i)
        check(c.is_closed(), "the end of the stream follows the last answer")
PY
stop
