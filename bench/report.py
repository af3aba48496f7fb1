"""The tables on the terminal and the file of a run."""
import csv
import datetime
import platform
import statistics
import subprocess

from cases import ROOT
from servers import NPM, PYTHON

COLUMNS = ("table", "case", "server", "us", "us_min", "us_max", "per_second",
           "p99_ms", "times_limit", "times_strict", "times_loop",
           # of writes only; shares are of what each would have if all had
           # the same
           "p50_ms", "worst_ms", "errors", "client_min", "client_max",
           "worker_min", "worker_max")
LABELS = {"bare": "bare loop", "loop": "bare loop with SQLite",
          "prong-unmonitored": "prong, no monitoring",
          "prong-full": "prong, full",
          "prong-normal": "prong, normal",
          "prong-checkpoints": "prong, WAL of 100 pages",
          "naive": "each for itself, FULL",
          "naive-normal": "each for itself, NORMAL",
          "bun-full": "bun, FULL",
          "bun-normal": "bun, NORMAL",
          "fastify-full": "fastify, FULL",
          "fastify-normal": "fastify, NORMAL",
          "nginx-cache": "nginx proxy_cache",
          "flask": "flask+sqlalchemy",
          "fastify": "fastify+better-sqlite3"}


def said(*argv):
    """The first line that a command says, or "none"."""
    try:
        run = subprocess.run([str(a) for a in argv], capture_output=True,
                             text=True, cwd=ROOT, timeout=20)
    except (OSError, subprocess.TimeoutExpired):
        return "none"
    lines = (run.stdout or run.stderr).strip().splitlines()
    return lines[0].strip() if run.returncode == 0 and lines else "none"


def commit():
    head = said("git", "rev-parse", "--short", "HEAD")
    changed = said("git", "status", "--porcelain") != "none"
    return head + (" with changes" if changed else "")


def machine():
    with open("/proc/cpuinfo") as file:
        cpus = [line.split(":")[1].strip() for line in file
                if line.startswith("model name")]
    return f"{cpus[0]}, {len(cpus)} CPUs, Linux {platform.release()}"


def versions():
    flask = said(PYTHON, "-c", "import flask, sqlalchemy as s; "
                 "print(flask.__version__, 'SQLAlchemy', s.__version__)")
    return ", ".join((
        "SQLite " + said("sqlite3", "--version").split()[0],
        said("nginx", "-v").removeprefix("nginx version: "),
        "Bun " + said(NPM / ".bin/bun", "--version"),
        "Node " + said("node", "--version"),
        "Flask " + flask,
        said("gunicorn", "--version")))


def median(samples, field="us"):
    return statistics.median(getattr(s, field) for s in samples)


class Results:
    """Prints each table when it is added, keeps the rows for the file."""

    def __init__(self):
        self.rows = []
        self.about = (f"commit: {commit()}", f"machine: {machine()}",
                      f"versions: {versions()}")
        print("\n".join(self.about))

    def add(self, table, found):
        print(f"\n{table.title}: CPU µs a request, medians of the rounds")
        for case in table.cases:
            print(f"\n{case.title} ({case.answer_bytes} bytes)")
            limits = self.limits(table, case, found)
            print(f"  {'':24}{'µs/request':>11}{'requests/s':>12}"
                  f"{'p99 ms':>9}{'× limit':>9}{'× strict':>9}{'× loop':>9}")
            for server in table.servers:
                samples = found.get((case.name, server))
                if samples:
                    self.add_row(table, case, server, samples, limits)

    def limits(self, table, case, found):
        """limit: the bare loop with an answer of this size, and SQLite alone
        that writes its rows as JSON. strict: the bare loop with the health
        answer, and SQLite alone whose rows are only read. loop: the program
        that is both. Null where there is none."""
        bare = found.get((case.name, "bare"))
        if case.fixed:
            return (median(bare) if bare else None, None, None)
        loop = found.get((case.name, "loop"))
        if not (bare and loop):
            return None, None, None
        small = median(found["health", "bare"])
        rows = median(found[case.name, "alone"])
        text = median(found[case.name, "alone+json"])
        limit, strict = median(bare) + text, small + rows
        print(f"  limit {limit:.1f} = bare loop {median(bare):.1f} + SQLite "
              f"alone, JSON written {text:.1f};  strict {strict:.1f} = "
              f"{small:.1f} + rows read {rows:.1f}")
        for server, us in (("alone", rows), ("alone+json", text)):
            self.add_plain_row(table.name, case.name, server, us)
        return limit, strict, median(loop)

    def add_row(self, table, case, server, samples, limits):
        us = median(samples)
        part = server == "bare" and not case.fixed  # of the limit, no rival
        times = [us / limit if limit and not part else None
                 for limit in limits]
        ratio = "".join(f"{t:9.2f}" if t else "" for t in times)
        print(f"  {LABELS.get(server, server):24}{us:11.1f}"
              f"{median(samples, 'per_second'):12.0f}"
              f"{median(samples, 'p99_ms'):9.2f}{ratio}")
        self.keep([
            table.name, case.name, server, f"{us:.2f}",
            f"{min(s.us for s in samples):.2f}",
            f"{max(s.us for s in samples):.2f}",
            f"{median(samples, 'per_second'):.0f}",
            f"{median(samples, 'p99_ms'):.3f}",
            *(f"{t:.3f}" if t else "" for t in times)])

    def add_plain_row(self, table, case, server, us):
        """A row of which only the time is known."""
        self.keep([table, case, server, f"{us:.3f}"])

    def keep(self, row):
        self.rows.append(row + [""] * (len(COLUMNS) - len(row)))

    def add_curve(self, found):
        """found: {(curve, at, kind): [Sample]}. memory: what the memory alone
        takes for one lookup, so its growth is what misses of the processor's
        caches explain of that of "any"."""
        kinds = ("one", "any", "memory")
        print("\nA hit on a small answer: CPU µs a request, medians\n"
              f"  {'':12}{'':>9}{'one':>9}{'any':>9}{'memory':>9}")
        for curve, at in dict.fromkeys(key[:2] for key in found):
            line = f"  {curve:12}{at:9}"
            for kind in kinds:
                samples = found.get((curve, at, kind))
                line += f"{median(samples):9.2f}" if samples else " " * 9
                if samples:
                    self.add_plain_row("curve", f"{curve} {at}", kind,
                                       median(samples))
            print(line.rstrip())

    def add_pairs(self, found):
        """found: [(pair, [(Sample, Sample)])]"""
        print("\nPairs: CPU µs a request, and the median of the ratios")
        for pair, samples in found:
            print(f"\n{pair.title}")
            for side, got in zip(pair.sides, zip(*samples)):
                print(f"  {side.label:24}{median(got):11.2f}")
                self.add_plain_row("pairs", pair.name, side.label, median(got))
            ratios = [a.us / b.us for a, b in samples]
            ratio = statistics.median(ratios)
            low, _, high = statistics.quantiles(ratios, n=4)
            print(f"  {'ratio':24}{ratio:11.3f}  (half of {len(ratios)} lie "
                  f"within {low:.3f} … {high:.3f})")
            self.add_plain_row("pairs", pair.name, "ratio", ratio)

    def add_memory(self, found):
        print("\nMemory of a master and four idle workers, MiB (PSS)")
        for server, kib in found.items():
            print(f"  {LABELS.get(server, server):24}{kib / 1024:11.1f}")
            self.add_plain_row("memory_kib", "idle", server, kib)

    def save(self, folder, tables=()):
        folder.mkdir(parents=True, exist_ok=True)
        name = "-".join((datetime.date.today().isoformat(), *tables))
        path = folder / f"{name}.csv"
        with open(path, "w", newline="") as file:
            for line in self.about:
                file.write(f"# {line}\n")
            out = csv.writer(file, lineterminator="\n")
            out.writerow(COLUMNS)
            out.writerows(self.rows)
        print(f"\nwritten: {path.relative_to(ROOT)}")
