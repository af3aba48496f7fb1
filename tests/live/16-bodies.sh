#!/bin/bash
# Goal: bodies come in by length or in chunks, with trailers, byte by byte, as
# JSON or as a form; other types are refused.
. "$(dirname "$0")/lib.sh"

make_app
start -w 1
expect 200 POST /echo --json '{"text": "häh?", "n": 3}'
json '$.text' 'häh?'
json '$.n' 3
expect 200 POST /echo --data-urlencode 'text=a&b c' -d n=4
json '$.text' 'a&b c'
json '$.n' 4
expect 200 POST /echo -H 'Transfer-Encoding: chunked' --json '{"n": 5}'
json '$.n' 5
expect 415 POST /echo -H 'Content-Type: image/png' -d x
expect 400 POST /echo --json '{"n": 5'
expect 400 POST /echo --json '[1]'
expect 400 POST /echo --json '{"n": "five"}'
json '$.errors[0].pointer' /n
expect 201 POST /items --json '{"name": "plain"}'
json '$.size' null

python3 - <<'PY'
from client import Connection, check, same
import json

HEAD = ("POST /echo HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\n"
        "Transfer-Encoding: chunked\r\n\r\n")
BODY = ('4;ext="a b"\r\n{"n"\r\n1\r\n:\r\n00003\r\n 42\r\n1\r\n}\r\n'
        "0\r\nX-Trailer: yes\r\n\r\n")
with Connection() as c:
    c.send(HEAD + BODY + HEAD + BODY)
    for _ in range(2):
        same(json.loads(c.read().body)["n"], 42, "chunks with a trailer")
    c.send_slowly(HEAD + BODY, pause=0.001)
    same(json.loads(c.read().body)["n"], 42, "byte by byte")
    text = "x" * 900000
    c.ask("POST", "/echo", ["Content-Type: application/json"],
          json.dumps({"text": text}).encode())
    same(json.loads(c.read().body)["length"], len(text), "a large body")
    c.ask("POST", "/items")
    answer = c.read()
    check(answer.status in (400, 411), f"no body at all: {answer}")
PY
stop
