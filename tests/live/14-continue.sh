#!/bin/bash
# Goal: who asks "Expect: 100-continue" is told to go on, or at once that the
# body will not be taken; without asking nobody is told.
. "$(dirname "$0")/lib.sh"

make_app
start -w 1 --limit-request-body 10000
python3 - <<'PY'
from client import Connection, check, same
import json

HEAD = ("POST /echo HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\n"
        "Content-Length: {}\r\n{}\r\n")
with Connection() as c:
    for _ in range(2):
        c.send(HEAD.format(8, "Expect: 100-Continue\r\n"))
        same(c.read().status, 100, "the interim answer")
        c.send('{"n": 5}')
        answer = c.read()
        same(answer.status, 200, "the final answer")
        same(json.loads(answer.body)["n"], 5, "the body")
    # The body comes with the head: there is nothing to wait for.
    c.send(HEAD.format(8, "Expect: 100-continue\r\n") + '{"n": 6}')
    answer = c.read()
    if answer.status == 100:
        answer = c.read()
    same(json.loads(answer.body)["n"], 6, "body sent without waiting")
    c.send(HEAD.format(8, ""))
    c.send('{"n": 7}')
    same(c.read().status, 200, "no interim answer unasked")

with Connection() as c:
    c.send(HEAD.format(10001, "Expect: 100-continue\r\n"))
    answer = c.read()
    same(answer.status, 413, "refused before the body")
    check(c.is_closed(), "and closed")
PY
dd if=/dev/zero bs=1000 count=9 2>/dev/null | tr '\0' x >"$T/x"
expect 200 POST /echo -H 'Expect: 100-continue' --data-urlencode "text@$T/x"
json '$.length' 9000
stop
