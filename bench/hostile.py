#!/usr/bin/env python3
"""The hostile set: one attack after the other, and beside each a few normal
clients that measure how long they wait.

    bench/hostile.py [--seconds 5] [--only slow_headers,…] [--seed N]
                     [--workers 2] [--rate 200] [--untimed] [--together]

The verdict for each: no request of theirs fails (within a second), and their
p99 stays below 50 ms. The attackers run at a lower priority, because on this
machine they share the server's CPUs. The exit code is 0 when all of that
holds.
"""
import argparse
import json
import os
import signal
import subprocess
import sys
import time

from attacks import NAMES
from stand import HERE, Guests, Server, Trouble

P99_MS = 50
DEADLINE_S = 1
LATE_S = 10  # when times are not judged
WARM_UP_S = 0.5
# What each worker is offered at once must be more than an attack has.
FLAGS = ("--worker-connections", 1000, "--header-timeout", 2,
         "--body-timeout", 3)


class Attack:
    """attacks.py beside the server, in a process of its own."""

    def __init__(self, name, port, seed):
        self.process = subprocess.Popen(
            [sys.executable, "-B", str(HERE / "attacks.py"), name, str(port),
             "--seed", str(seed)], stdout=subprocess.PIPE, text=True)
        if self.process.stdout.readline() != "{}\n":
            raise Trouble(f"{name} did not begin")

    def __enter__(self):
        return self

    def end(self):
        self.process.terminate()
        out, _ = self.process.communicate(timeout=20)
        seen = json.loads(out)
        if "broken" in seen:
            raise Trouble(f"the attack ended: {seen['broken']}")
        return seen

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()


def memory_mb(server):
    pages = server.get("/api/monitoring/system")
    return sum(p["memory_mb"] for p in pages["process_list"])


def beside(server, name, o):
    """(the guests' report, what the attack saw)"""
    options = ("--seconds", o.seconds + 60, "--rate", o.rate, "--keep", 8,
               "--short", 4, "--seed", o.seed,
               "--deadline", LATE_S if o.untimed else DEADLINE_S)
    if name is None:
        with Guests(server.port, *options) as guests:
            time.sleep(o.seconds)
            return guests.leave(), {}
    with Attack(name, server.port, o.seed) as attack:
        time.sleep(WARM_UP_S)
        with Guests(server.port, *options) as guests:
            time.sleep(o.seconds)
            report = guests.leave()
        return report, attack.end()


# Of the smuggling corpus: whoever answers otherwise has read a second request.
REFUSALS = {"400", "408", "413", "501"}


def judge(name, report, seen, timed):
    wrong = []
    if name == "smuggling" and any(
            what.isdigit() and what not in REFUSALS for what in seen):
        wrong.append("a smuggled request was read")
    if report["failures"]:
        wrong.append(f"{len(report['failures'])} failed")
    if not report["answered"]:
        wrong.append("nothing was answered")
    elif timed and report["ms"]["p99"] > P99_MS:
        wrong.append(f"p99 above {P99_MS} ms")
    return wrong


def show(name, report, seen, wrong):
    ms = report["ms"]
    print(f"{'all' if ',' in name else name:15} {report['answered']:6} {len(report['failures']):5}"
          f" {ms['p50']:7.1f} {ms['p99']:7.1f} {ms['max']:7.1f}  "
          + ", ".join(f"{n} {what}" for what, n in sorted(seen.items()))
          + ("  FAILED: " + ", ".join(wrong) if wrong else ""), flush=True)
    for f in report["failures"][:3]:
        print(f"    {f['kind']}, request {f['asked']} of a connection of "
              f"{f['began'] - f['opened'] if f['opened'] else 0:.3f} s, after "
              f"{f['ended'] - f['began']:.3f} s: {f['why']}")


def main():
    p = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    p.add_argument("--seconds", type=float, default=5)
    p.add_argument("--seed", type=int, default=1)
    p.add_argument("--workers", type=int, default=2)
    p.add_argument("--rate", type=float, default=200)
    p.add_argument("--only", default=",".join(NAMES))
    p.add_argument("--together", action="store_true",
                   help="all attacks at once")
    p.add_argument("--untimed", action="store_true",
                   help="no verdict on p99, for a busy machine")
    o = p.parse_args()
    names = [o.only] if o.together else [None] + o.only.split(",")
    failed = []
    with Server(o.workers, *FLAGS) as server:
        first = server.ready_workers()
        print(f"{'beside':15} {'asked':>6} {'lost':>5} {'p50 ms':>7} "
              f"{'p99 ms':>7} {'max ms':>7}  what the attack saw")
        for name in names:
            try:
                report, seen = beside(server, name, o)
                wrong = judge(name, report, seen, not o.untimed)
                if not first <= server.ready_workers():
                    wrong.append("a worker died")
                    first = server.ready_workers()
                show(name or "nobody", report, seen, wrong)
            except Trouble as e:
                wrong = [str(e)]
                print(f"{name}: {e}")
            if wrong:
                failed.append(name or "nobody")
        os.kill(server.master, signal.SIGUSR1)  # its log is written
        if failed:
            print("---- the server's log", server.tail(), sep="\n")
    print("FAILED: " + ", ".join(failed) if failed else "passed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
