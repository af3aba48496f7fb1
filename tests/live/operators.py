"""What operators see, for scripts that check it (see operators.sh): pages as
Python objects. Each is asked for on a connection of its own, so that any
worker may answer."""

from client import Closed, Connection, check
import json
import os
import re
import time

SAMPLE = re.compile(r'^([a-z_:][a-z0-9_:]*)(?:\{(.*)\})? (\S+)$')


def raw(path):
    """The text of a page. A worker that took this connection together with a
    long request answers only behind that: then another one is asked."""
    for _ in range(20):
        try:
            with Connection(port=os.environ["ADMIN_PORT"], timeout=0.5) as c:
                answer = c.get(path)
        except (Closed, OSError):
            continue
        check(answer.status == 200, f"{path}: {answer}")
        return answer.body.decode()
    check(False, f"{path}: no answer")


def page(path):
    return json.loads(raw(path))


def metrics():
    return page("/api/monitoring/metrics")


def samples():
    """/metrics: {(name, labels): value}."""
    found = {}
    for line in raw("/metrics").splitlines():
        if line.startswith("#"):
            continue
        name, labels, value = SAMPLE.match(line).groups()
        check((name, labels) not in found, f"twice: {line}")
        found[name, labels] = float(value)
    return found


def endpoint(m, name):
    """The entry of an endpoint on the page of metrics; {} without one."""
    return next((e for e in m["endpoints"] if e["endpoint"] == name), {})


def await_(true, what, seconds=10.0):
    """Calls true() until it gives something; returns that."""
    end = time.monotonic() + seconds
    while True:
        got = true()
        if got:
            return got
        check(time.monotonic() < end, f"waited for: {what}")
        time.sleep(0.02)
