"""The table "pairs": two things that differ in one respect, in turn on the
same machine, so that a small difference can be told from its moods."""
import contextlib
import sys
from dataclasses import dataclass

from cases import Case
from load import timed, warm_up
from servers import SERVERS, Server, ask_plainly, prong, running

TURNS = 4  # of a pair on one start of its servers: a b, b a, a b, b a
NEW_IDS = (100000000, 999999999)  # hardly one is asked for twice
# Full after a warm-up, so that each miss has to make room.
NARROW = Server("prong-narrow", prong("--cache-size", "16M"))


@dataclass
class Side:
    """`says` is part of the answer's Cache-Status; empty: it has none."""
    label: str
    server: Server
    path: str
    says: str = ""


@dataclass
class Pair:
    name: str
    title: str
    sides: tuple  # the first is compared with the second
    ids: tuple = ()

    def case(self, side):
        script = "ids.lua" if self.ids else "requests.lua"
        return Case(f"{self.name}, {side.label}", "", f"GET {side.path}",
                    side.path, *(self.ids or (0, 0)), script=script)


def all_pairs():
    on, off = SERVERS["prong"], SERVERS["prong-unmonitored"]
    return [
        Pair("monitoring, hit", "a hit of 9.6 kB: monitoring on, off",
             (Side("on", on, "/cached/products", "hit"),
              Side("off", off, "/cached/products", "hit"))),
        Pair("monitoring, fixed", "the fixed answer: monitoring on, off",
             (Side("on", on, "/api/health"), Side("off", off, "/api/health"))),
        Pair("miss, row", "one row, always another: with @cache, without",
             (Side("miss", NARROW, "/cached/notes/{n}", "fwd=uri-miss"),
              Side("uncached", NARROW, "/notes/{n}")), NEW_IDS),
        Pair("miss, list", "9.6 kB, always another: with @cache, without",
             (Side("miss", NARROW, "/cached/lists/{n}", "fwd=uri-miss"),
              Side("uncached", NARROW, "/lists/{n}")), NEW_IDS),
    ]


def answer_of(side, case, port):
    """A body that came about as `side` says."""
    for _ in range(2 if side.says == "hit" else 1):
        answer = ask_plainly(port, case.filled(case.path, case.high), {})
    said = answer.headers.get("Cache-Status", "")
    if answer.status != 200 or side.says not in said or said and not side.says:
        raise RuntimeError(f"{case.name}: {answer.status}, {said}")
    return answer.body


def take_turns(asked, seconds):
    """[(Sample, Sample)], the sides changing their order."""
    for _pid, port, case in asked:
        warm_up(port, case)
    found = []
    for turn in range(TURNS):
        order = asked if turn % 2 == 0 else asked[::-1]
        got = [timed(*each, seconds) for each in order]
        found.append(tuple(got if turn % 2 == 0 else got[::-1]))
    return found


def measure_pair(pair, app, base, seconds):
    """[(Sample, Sample)] of one start of the servers."""
    with contextlib.ExitStack() as stack:
        at = {}
        for side in pair.sides:
            if side.server.name not in at:
                at[side.server.name] = stack.enter_context(
                    running(side.server, app, base))[:2]
        asked = [(*at[side.server.name], pair.case(side))
                 for side in pair.sides]
        bodies = {answer_of(side, case, port)
                  for side, (_pid, port, case) in zip(pair.sides, asked)}
        if len(bodies) != 1:
            raise RuntimeError(f"{pair.name}: different answers")
        return take_turns(asked, seconds)


def measure_pairs(app, base, rounds, seconds):
    """[(pair, [(Sample, Sample)])]"""
    pairs = all_pairs()
    found = {pair.name: [] for pair in pairs}
    for nth in range(1, rounds + 1):
        for pair in pairs:
            found[pair.name] += measure_pair(pair, app, base, seconds)
        print(f"  pairs, round {nth} of {rounds}", file=sys.stderr)
    return [(pair, found[pair.name]) for pair in pairs]
