"""Guests: clients that behave, ask at a given rate, and remember each request
that failed. Every request has a deadline; what comes late, not whole, or with
another status than it should is a failure.

    guest.py PORT --seconds S [--rate R] [--keep N] [--short N] [--seed N]
             [--deadline S]

A line "{}" on standard output when all connections have been used once; at
the end, or after a SIGTERM, one JSON object: see Party.report.
"""
import argparse
import asyncio
import json
import random
import signal
import time
from dataclasses import asdict, dataclass, field

TRIES = 6  # of a write, with the same key
PATIENCE = 1.0  # before the next try, once one has failed


@dataclass
class Failure:
    kind: str
    why: str
    began: float    # CLOCK_MONOTONIC, as all times here
    ended: float
    opened: float   # its connection; 0: could not be
    port: int       # of our side
    asked: int      # requests of that connection before this one


class Broken(Exception):
    """No whole answer."""


class Line:
    """A connection."""

    def __init__(self):
        self.reader = self.writer = None
        self.opened, self.port, self.asked = 0.0, 0, 0

    async def open(self, port):
        self.opened, self.port, self.asked = 0.0, 0, 0
        self.reader, self.writer = await asyncio.open_connection(
            "127.0.0.1", port)
        self.opened = time.monotonic()
        self.port = self.writer.get_extra_info("sockname")[1]

    def close(self):
        if self.writer:
            self.writer.close()
        self.reader = self.writer = None

    def was_closed(self):
        """By the server, between two requests: as every client does, it is
        looked at before it is used again."""
        return self.reader.at_eof() or self.reader.exception()

    async def ask(self, head, body=b""):
        """The status and the body, and whether the server will close."""
        self.writer.write(head + body)
        try:
            raw = await self.reader.readuntil(b"\r\n\r\n")
            first, *lines = raw.decode("latin-1").split("\r\n")
            fields = {}
            for line in lines:
                name, _, value = line.partition(":")
                fields[name.lower()] = value.strip()
            length = int(fields.get("content-length", 0))
            text = await self.reader.readexactly(length) if length else b""
        except asyncio.IncompleteReadError as e:
            raise Broken(f"closed after {len(e.partial)} bytes") from e
        self.asked += 1
        return int(first.split()[1]), text, fields.get("connection") == "close"


@dataclass
class Party:
    port: int
    deadline: float
    random: random.Random
    failures: list = field(default_factory=list)
    counts: dict = field(default_factory=dict)   # answered, by kind
    waits: dict = field(default_factory=dict)    # seconds, by kind
    written: list = field(default_factory=list)  # names that were acknowledged
    unsure: list = field(default_factory=list)   # that never were
    again: int = 0    # writes that a later try brought to their end
    closed: int = 0   # connections that the server said it would close
    idle: int = 0     # that it closed while nothing was asked
    over: bool = False

    # ---- requests -----------------------------------------------------------

    @staticmethod
    def head(method, path, *fields):
        return "\r\n".join((f"{method} {path} HTTP/1.1", "Host: bench",
                            *fields, "", "")).encode()

    def choose(self):
        """kind, head, body, the status it should have, its name if a write"""
        dice = self.random.random()
        if dice < 0.4:
            return "cached", self.head("GET", "/items"), b"", 200, None
        if dice < 0.7:
            number = self.random.randint(1, 1000)
            return "row", self.head("GET", f"/items/{number}"), b"", 200, None
        if dice < 0.85:
            return "file", self.head("GET", "/"), b"", 200, None
        name = f"order {self.random.getrandbits(64):016x}"
        body = json.dumps({"name": name}).encode()
        head = self.head("POST", "/orders", f'Idempotency-Key: "{name}"',
                         "Content-Type: application/json",
                         f"Content-Length: {len(body)}")
        return "write", head, body, 201, name

    async def attempt(self, line, kind, head, body, wanted):
        """None, or the Failure."""
        began = time.monotonic()
        try:
            async with asyncio.timeout(self.deadline):
                if line.writer and line.was_closed():
                    self.idle += 1
                    line.close()
                if line.writer is None:
                    await line.open(self.port)
                status, text, last = await line.ask(head, body)
            why = None if status == wanted else f"{status} {text[:200]!r}"
        except TimeoutError:
            why, last = f"no answer in {self.deadline} s", True
        except (OSError, Broken, ValueError, IndexError) as e:
            why, last = f"{type(e).__name__}: {e}", True
        ended = time.monotonic()
        failure = why and Failure(kind, why, began, ended, line.opened,
                                  line.port, line.asked)
        if last:
            self.closed += not why
            line.close()
        if not failure:
            self.counts[kind] = self.counts.get(kind, 0) + 1
            self.waits.setdefault(kind, []).append(ended - began)
        return failure

    async def request(self, line):
        kind, head, body, wanted, name = self.choose()
        for attempt in range(TRIES if name else 1):
            failure = await self.attempt(line, kind, head, body, wanted)
            if failure is None:
                self.again += attempt > 0
                if name:
                    self.written.append(name)
                return
            self.failures.append(failure)
            if name:
                await asyncio.sleep(PATIENCE / TRIES * attempt)
        if name:
            self.unsure.append(name)

    # ---- guests -------------------------------------------------------------

    async def guest(self, pause, short):
        line = Line()
        await asyncio.sleep(self.random.random() * pause)
        due = time.monotonic()
        while not self.over:
            await self.request(line)
            if short:
                line.close()
            due = max(due + pause * (0.5 + self.random.random()),
                      time.monotonic() - pause)
            await asyncio.sleep(max(0.0, due - time.monotonic()))
        line.close()

    # ---- the end ------------------------------------------------------------

    def report(self):
        waits = sorted(w for kind in self.waits.values() for w in kind)

        def at(q):
            return 1e3 * waits[min(len(waits) - 1, int(q * len(waits)))]

        return {"answered": len(waits), "counts": self.counts,
                "failures": [asdict(f) for f in self.failures],
                "written": self.written, "unsure": self.unsure,
                "again": self.again, "closed": self.closed, "idle": self.idle,
                "ms": {"p50": at(.5), "p99": at(.99), "p999": at(.999),
                       "max": waits[-1] * 1e3} if waits else {}}


async def main(options):
    party = Party(options.port, options.deadline, random.Random(options.seed))
    guests = options.keep + options.short
    pause = guests / options.rate

    def end():
        party.over = True
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, end)
    tasks = [asyncio.create_task(party.guest(pause, i >= options.keep))
             for i in range(guests)]
    await asyncio.sleep(min(2 * pause, options.seconds))
    print("{}", flush=True)
    end_at = time.monotonic() + options.seconds
    while not party.over and time.monotonic() < end_at:
        await asyncio.sleep(0.05)
    party.over = True
    await asyncio.gather(*tasks)
    print(json.dumps(party.report()), flush=True)


def read_options():
    p = argparse.ArgumentParser()
    p.add_argument("port", type=int)
    p.add_argument("--seconds", type=float, default=10)
    p.add_argument("--rate", type=float, default=400)
    p.add_argument("--keep", type=int, default=24)
    p.add_argument("--short", type=int, default=8)
    p.add_argument("--seed", type=int, default=1)
    p.add_argument("--deadline", type=float, default=10)
    return p.parse_args()


if __name__ == "__main__":
    asyncio.run(main(read_options()))
