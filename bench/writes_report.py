"""What writes.py found, on the terminal and as rows of the run's file."""
import statistics

from report import LABELS, median


def middle_shares(samples, field):
    """Medians of the smallest and of the largest share, or null."""
    pairs = [getattr(s, field) for s in samples]
    if None in pairs:
        return None
    return tuple(statistics.median(side) for side in zip(*pairs))


def shown(pair):
    return "" if pair is None else f"{pair[0]:.2f}–{pair[1]:.2f}"


def row_of(table, case, server, samples):
    """Medians of the rounds; but of the waits the worst, and all errors.
    Reads have no CPU time of their own and no shares."""
    def each(field):
        return [getattr(s, field) for s in samples]

    def pair(field):
        values = hasattr(samples[0], field) and middle_shares(samples, field)
        return [f"{v:.3f}" for v in values] if values else ["", ""]
    us = each("us") if hasattr(samples[0], "us") else []
    cpu = [f"{f(us):.2f}" if us else "" for f in (statistics.median, min, max)]
    return [table, case, server, *cpu,
            f"{median(samples, 'per_second'):.0f}",
            f"{median(samples, 'p99_ms'):.3f}", "", "", "",
            f"{median(samples, 'p50_ms'):.3f}", f"{max(each('worst_ms')):.3f}",
            sum(each("errors")), *pair("clients"), *pair("of_workers")]


def add_matrix(results, found):
    print("\nWrites: an insert into a table with three indices, medians of the "
          "rounds;\nof the waits the worst, of errors the sum; the smallest "
          "and the largest share,\nof an equal one, of a client and of a "
          "worker")
    for workers, count in dict.fromkeys(key[:2] for key in found):
        print(f"\n{count} clients, {workers} workers\n"
              f"  {'':24}{'inserts/s':>10}{'µs each':>9}{'p50 ms':>9}"
              f"{'p99 ms':>9}{'worst ms':>10}{'errors':>8}{'clients':>11}"
              f"{'workers':>11}")
        for (w, c, server), samples in found.items():
            if (w, c) == (workers, count):
                add_point(results, (w, c), server, samples)


def add_point(results, at, server, samples):
    print(f"  {LABELS[server]:24}{median(samples, 'per_second'):10.0f}"
          f"{median(samples, 'us'):9.1f}{median(samples, 'p50_ms'):9.2f}"
          f"{median(samples, 'p99_ms'):9.2f}"
          f"{max(s.worst_ms for s in samples):10.1f}"
          f"{sum(s.errors for s in samples):8}"
          f"{shown(middle_shares(samples, 'clients')):>11}"
          f"{shown(middle_shares(samples, 'of_workers')):>11}".rstrip())
    results.keep(row_of("writes", f"{at[0]} workers {at[1]} clients", server,
                        samples))


def add_undisturbed(results, found):
    for servers, samples in found.items():
        print("\nOne client, one worker: medians; the median of the ratios\n"
              f"  {'':24}{'µs each':>9}{'p50 ms':>9}{'p99 ms':>9}")
        for server, side in zip(servers, zip(*samples)):
            print(f"  {LABELS[server]:24}{median(side, 'us'):9.1f}"
                  f"{median(side, 'p50_ms'):9.3f}{median(side, 'p99_ms'):9.3f}")
            results.keep(row_of("writes", "undisturbed", server, side))
        ratios = []
        for field in ("us", "p50_ms", "p99_ms"):
            ratios.append(statistics.median(
                getattr(a, field) / getattr(b, field) for a, b in samples))
        print(f"  {'ratio':24}" + "".join(f"{r:9.2f}" for r in ratios))
        results.keep(["writes", "undisturbed", f"{servers[0]}/{servers[1]}",
                      f"{ratios[0]:.3f}", "", "", "", f"{ratios[2]:.3f}",
                      "", "", "", f"{ratios[1]:.3f}"])


READS = (("hit", "from the cache"), ("read", "indexed read"))


def add_reads(results, found):
    titles = "".join(f"{title:>24}" for _kind, title in READS)
    print("\nReads beside writes: 500 a second of each kind, ms, medians; of "
          "the waits the\nworst\n"
          f"  {'':24}{'':16}{titles}"
          f"\n  {'':24}{'':16}" + f"{'p50':>8}{'p99':>8}{'worst':>8}" * 2
          + f"{'writes/s':>10}")
    for (server, title), rounds in found.items():
        line = f"  {LABELS[server]:24}{title:16}"
        for kind in rounds[0]:
            samples = [tallies[kind] for tallies in rounds]
            if kind == "write":
                line += f"{median(samples, 'per_second'):10.0f}"
            else:
                line += (f"{median(samples, 'p50_ms'):8.2f}"
                         f"{median(samples, 'p99_ms'):8.2f}"
                         f"{max(s.worst_ms for s in samples):8.1f}")
            if any(s.errors for s in samples):
                line += f"  {sum(s.errors for s in samples)} errors"
            results.keep(row_of("writes", f"{title}, {kind}", server, samples))
        print(line)


def add_writes(results, matrix, undisturbed, reads):
    add_matrix(results, matrix)
    add_undisturbed(results, undisturbed)
    add_reads(results, reads)
