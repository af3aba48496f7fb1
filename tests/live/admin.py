"""The operator's pages, over the socket that --admin-bind made ($ADMIN)."""

from client import Connection, check
import json
import os
import socket


def admin(path, method="GET", timeout=10.0):
    c = Connection.__new__(Connection)
    c.socket, c.pending = socket.socket(socket.AF_UNIX), b""
    c.socket.settimeout(timeout)
    c.socket.connect(os.environ["ADMIN"])
    with c:
        c.ask(method, path, ["Connection: close"])
        answer = c.read()
    check(answer.status == 200, f"{path}: {answer}")
    return json.loads(answer.body)


def queries(endpoint):
    """SQL statements that it ran so far."""
    for e in admin("/api/monitoring/metrics")["endpoints"]:
        if e["endpoint"] == endpoint:
            return round(e["queries_per_request"] * e["requests"])
    return 0
