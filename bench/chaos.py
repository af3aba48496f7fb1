#!/usr/bin/env python3
"""The chaos run: guests ask at a constant rate while workers are killed and
stopped, and the server is reloaded, scaled and upgraded, at random.

    bench/chaos.py [--seconds 60] [--seed N] [--workers 3] [--rate 400]
                   [--only kill,stop,…] [--without upgrade,…] [--untimed]
                   [--beside]

With --beside a second hand kills and stops workers at any moment of the acts:
in the middle of a reload, an upgrade, another kill.

The verdict: no request may fail, but those on a connection that a killed
worker held when it was killed (each failure is looked up there); every write
that was acknowledged is in the database once; and a killed worker's place is
filled within 50 ms. The exit code is 0 when all of that holds.
"""
import argparse
import contextlib
import os
import random
import signal
import sqlite3
import statistics
import sys
import threading
import time
from dataclasses import dataclass, field

from stand import Guests, Server, Trouble, alive, wait_for

FULL_STRENGTH_MS = 50
MOST_WORKERS = 6
AFTER_KILL_S = 2.0  # a client notices a reset within
ACCEPT_S = 0.1      # what a connection may wait to be accepted


@dataclass
class Kill:
    pid: int
    looked: float  # CLOCK_MONOTONIC
    ports: set     # of the connections that it held then
    when: float
    full_ms: float = 0.0  # 0: not measured, others may have died with it

    def took(self, failure):
        """It held that connection: then, or since."""
        return (failure["port"] in self.ports
                or failure["opened"] >= self.looked - ACCEPT_S)


@dataclass
class Run:
    server: Server
    random: random.Random
    workers: int  # as its settings say
    wanted: int   # after TTIN and TTOU
    kills: list = field(default_factory=list)
    done: dict = field(default_factory=dict)
    stopped_ms: list = field(default_factory=list)

    # ---- what is done to it -------------------------------------------------

    def kill(self):
        pid = self.random.choice(sorted(self.full()))
        kill = self.kill_one(pid)
        if kill is None:
            return

        def is_full():
            now = self.server.ready_workers()
            return pid not in now and len(now) >= self.wanted
        wait_for("full strength", is_full, pause=0.001)
        kill.full_ms = 1e3 * (time.monotonic() - kill.when)

    def kill_one(self, pid):
        """None: the second hand was quicker."""
        looked = time.monotonic()
        try:
            ports = self.server.client_ports(pid)
            kill = Kill(pid, looked, ports, time.monotonic())
            os.kill(pid, signal.SIGKILL)
        except (FileNotFoundError, ProcessLookupError):
            return None
        self.kills.append(kill)
        return kill

    def stop(self):
        """SIGSTOP, and CONT after a moment; its clients wait that long, unless
        the server has replaced it by then."""
        self.stop_one(self.random.choice(sorted(self.full())),
                      self.random.uniform(0.1, 0.6))

    def stop_one(self, pid, pause):
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGSTOP)
            time.sleep(pause)
            os.kill(pid, signal.SIGCONT)
        self.stopped_ms.append(1e3 * pause)

    def reload(self):
        before = self.full()
        api = self.server.app / "api" / "version.sql"
        api.write_text("-- GET /version\n-- @one\n"
                       f"SELECT {self.random.getrandbits(30)} AS version;\n")
        self.server.signal(signal.SIGHUP)
        self.replaced(before, "the reload")

    def replaced(self, before, what):
        """By as many as the settings say: TTIN and TTOU are forgotten."""
        self.wanted = self.workers
        wait_for(what, lambda: not before & self.server.ready_workers()
                 and len(self.server.ready_workers()) >= self.wanted, 40)

    def more(self):
        if self.wanted < MOST_WORKERS:
            self.wanted += 1
            self.server.signal(signal.SIGTTIN)

    def fewer(self):
        if self.wanted > 2:
            self.wanted -= 1
            self.server.signal(signal.SIGTTOU)
            wait_for("fewer workers", lambda:
                     len(self.server.ready_workers()) <= self.wanted, 40)

    def upgrade(self):
        """As Gunicorn's manual has it: USR2, the second one serves, QUIT or
        TERM to the first, whose pid file the second takes over."""
        old, before = self.server.master, self.full()
        second = self.server.pidfile.with_name("pid.2")
        self.server.signal(signal.SIGUSR2)
        new = wait_for("the second master", lambda: int(second.read_text()), 20)
        wait_for("the second one's workers", lambda: len(
            children(new) & self.server.ready_workers()) >= self.workers, 20)
        self.server.hang_up()  # it would wait for us as for any client
        os.kill(old, signal.SIGTERM)
        self.server.master = new
        wait_for("the first one's end", lambda: not alive(old), 40)
        wait_for("the pid file", lambda:
                 int(self.server.pidfile.read_text()) == new)
        # The second one listens there within a second or so.
        wait_for("its control socket",
                 lambda: self.server.ctl("status")[0] == 0, 5, 0.1)
        self.replaced(before, "the upgrade")

    def control(self):
        """What an operator does at the control socket."""
        words = self.random.choice((
            ("status",), ("status", "--json"), ("workers",), ("writers",),
            ("reopen",), ("reload",)))
        before = self.full()
        code, said = self.server.ctl(*words)
        if code != 0:
            raise Trouble(f"prong ctl {words}: {code} {said}")
        if words == ("reload",):
            self.replaced(before, "the reload")

    # ---- how it goes on -----------------------------------------------------

    def full(self):
        """All workers that there should be, once they are ready and nobody
        else is there."""
        def found():
            now = self.server.ready_workers()
            return now if len(now) == self.wanted else None
        return wait_for(f"{self.wanted} workers", found, 40)

    def go_on(self, acts, seconds):
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            act = self.random.choice(acts)
            getattr(self, act)()
            self.done[act] = self.done.get(act, 0) + 1
            time.sleep(self.random.uniform(0.05, 0.4))

    def beside(self, ended, chance):
        """The second hand, until the first has ended. It leaves one worker
        alone, for else nobody could answer."""
        while not ended.wait(chance.uniform(0.1, 1.0)):
            there = sorted(self.server.ready_workers())
            if len(there) < 2:
                continue
            pid = chance.choice(there)
            if chance.random() < 0.5:
                self.kill_one(pid)
            else:
                self.stop_one(pid, chance.uniform(0.1, 0.6))
            self.done["beside"] = self.done.get("beside", 0) + 1

    @contextlib.contextmanager
    def second_hand(self, seed):
        ended = threading.Event()
        hand = threading.Thread(target=self.beside,
                                args=(ended, random.Random(seed)))
        hand.start()
        try:
            yield
        finally:
            ended.set()
            hand.join()


ACTS = ("kill", "kill", "stop", "reload", "more", "fewer", "upgrade", "control")


def children(pid):
    """Also of its threads: any of them may have forked."""
    found = set()
    for task in os.listdir(f"/proc/{pid}/task"):
        with open(f"/proc/{pid}/task/{task}/children",
                  encoding="ascii") as file:
            found |= {int(word) for word in file.read().split()}
    return found


# ---- the verdict -------------------------------------------------------------


def excused(failure, kills):
    """The worker that held its connection was killed meanwhile."""
    # Of a first request: the connection is older than our knowledge of it.
    opened = failure["opened" if failure["asked"] else "began"]
    return failure["opened"] and any(
        k.took(failure) and opened <= k.when
        and failure["began"] <= k.when + AFTER_KILL_S
        and k.when <= failure["ended"] <= k.when + AFTER_KILL_S
        for k in kills)


def count_rows(server, report):
    """What is wrong with the writes; None: nothing."""
    with sqlite3.connect(f"file:{server.database}?mode=ro", uri=True) as db:
        names = [name for name, in db.execute("SELECT name FROM orders")]
    twice = len(names) - len(set(names))
    lost = set(report["written"]) - set(names)
    strange = set(names) - set(report["written"]) - set(report["unsure"])
    if twice or lost or strange:
        return (f"{twice} rows twice, {len(lost)} acknowledged and not there, "
                f"{len(strange)} nobody asked for")
    return None


def judge(run, report, timed):
    """What was wrong, in words."""
    wrong = []
    left = [f for f in report["failures"] if not excused(f, run.kills)]
    excuses = len(report["failures"]) - len(left)
    held = sum(len(k.ports) for k in run.kills)
    if left:
        wrong.append(f"{len(left)} requests failed without an excuse")
    if excuses > held:
        wrong.append(f"{excuses} failures on {held} connections")
    rows = count_rows(run.server, report)
    if rows:
        wrong.append(rows)
    full = [k.full_ms for k in run.kills if k.full_ms]
    if full and timed and max(full) > FULL_STRENGTH_MS:
        wrong.append(f"full strength only after {max(full):.0f} ms")
    print("done to it:      ", ", ".join(f"{n} {act}" for act, n
                                         in sorted(run.done.items())))
    print("answered:        ", report["answered"], report["counts"])
    print("waits, ms:       ", {k: round(v, 1) for k, v in report["ms"].items()},
          f"(longest stop: {max(run.stopped_ms, default=0):.0f})")
    print(f"failed:           {len(left)}; and {excuses} on the {held} "
          f"connections of {len(run.kills)} killed workers, "
          f"{report['again']} writes of them done by another try")
    if full:
        print(f"full strength:    median {statistics.median(full):.1f} ms, "
              f"worst {max(full):.1f} ms")
    for f in left[:10]:
        since = [f"{f['ended'] - k.when:+.3f}" for k in run.kills
                 if k.took(f)]
        print(f"  {f['kind']} on port {f['port']}, request {f['asked']}, "
              f"{f['ended'] - f['began']:.3f} s: {f['why']} {since}")
    return wrong


def main():
    p = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    p.add_argument("--seconds", type=float, default=60)
    p.add_argument("--seed", type=int, default=int(time.time()))
    p.add_argument("--workers", type=int, default=3)
    p.add_argument("--rate", type=float, default=400)
    p.add_argument("--only", default="")
    p.add_argument("--without", default="")
    p.add_argument("--untimed", action="store_true",
                   help="no verdict on times, for a busy machine")
    p.add_argument("--beside", action="store_true",
                   help="kill and stop also while something else is done")
    o = p.parse_args()
    acts = [a for a in ACTS if (not o.only or a in o.only.split(","))
            and a not in o.without.split(",")]
    print(f"seed {o.seed}, {o.workers} workers, {o.rate:.0f} requests a "
          f"second for {o.seconds:.0f} s", flush=True)
    with Server(o.workers) as server:
        run = Run(server, random.Random(o.seed), o.workers, o.workers)
        run.full()
        try:
            with Guests(server.port, "--seconds", o.seconds + 300, "--rate",
                        o.rate, "--seed", o.seed) as guests:
                with (run.second_hand(o.seed) if o.beside
                      else contextlib.nullcontext()):
                    run.go_on(acts, o.seconds)
                run.full()
                report = guests.leave()
            wrong = judge(run, report, not o.untimed)
        except Trouble as e:
            wrong = [str(e)]
        if wrong:
            print("---- the server's log", server.tail(60), sep="\n")
    print("FAILED: " + "; ".join(wrong) if wrong else "passed")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
