"""The tables, and which targets are met."""
from statistics import median

from measure import BARE, GIB, SETTLE
from report import milliseconds, percentile, ratio, table

PERL = "Server::Starter (Perl)"
SPREAD = ["min ms", "median ms", "p99 ms"]
VERSUS = ["median / Perl", "min / Perl"]


def spread(values):
    return [milliseconds(min(values)), milliseconds(median(values)), milliseconds(percentile(values, 0.99))]


def versus(values, base):
    return [ratio(values, base), ratio(values, base, min)]


def against_perl(heading, samples):
    """A table of {subject: [ns]}."""
    base = samples.get(PERL)
    return table([heading, "samples", *SPREAD, *VERSUS],
                 [[name, len(values), *spread(values), *versus(values, base)] for name, values in samples.items()])


class Targets:
    """What the issue wants shown of each of our executables."""

    def __init__(self, subjects):
        self.names = [subject.name for subject in subjects if subject.is_ours]
        self.rows = []

    def add(self, what, limit, figure, at_least=False):
        """figure: from a subject's name to its figure; KeyError and TypeError: there is none."""
        cells = []
        for name in self.names:
            try:
                value = figure(name)
                met = value >= limit if at_least else value <= limit
                cells.append(f"{value:.2f}, {'yes' if met else 'NO'}")
            except (KeyError, TypeError):
                cells.append("–")
        self.rows.append([what, f"{'≥' if at_least else '≤'} {limit:g}", *cells])

    def table(self):
        return table(["target", "", *self.names], self.rows)


def start_table(samples, targets):
    rows = []
    for worker, times in samples.items():
        bare, perl = times[BARE], times.get(PERL)
        for name, values in times.items():
            faster = f"{median(perl) / median(values):.1f}" if perl and name != BARE else "–"
            rows.append([f"{worker}: {name}", len(values), *spread(values), *versus(values, bare), faster])
        targets.add(f"{worker}: start, Perl / ours", 10, lambda name: median(perl) / median(times[name]), True)
        targets.add(f"{worker}: start, ours / bare", 2.5, lambda name: median(times[name]) / median(bare))
    return table(["exec to the worker's main", "starts", *SPREAD, "median / bare", "min / bare", "Perl / it"], rows)


def rest_table(rest, seconds, targets):
    perl = rest.get(PERL)
    rows = [[name, *(f"{size / 1024:.2f}" for size in row[:3]), f"{row[1] / perl[1]:.2f}" if perl else "–", *row[3:]]
            for name, row in rest.items()]
    targets.add("PSS at rest, ours / Perl", 0.25, lambda name: rest[name][1] / perl[1])
    targets.add("wake-ups at rest", 0, lambda name: rest[name][4])
    return table(["at rest, one worker", "RSS MiB", "PSS MiB", "private MiB", "PSS / Perl", "threads",
                  f"wake-ups in {seconds} s", "CPU ticks"], rows)


def lost_note(lost):
    return "".join(f"\n\n{name}: {count} HUPs had no effect and were sent again."
                   for name, count in lost.items() if count)


def hup_table(found, lost, targets):
    """Interval 0."""
    mains = {name: [one.start.main - one.sent for one in rounds] for name, rounds in found.items()}
    readies = {name: [one.start.ready - one.sent for one in rounds] for name, rounds in found.items()}
    targets.add("HUP to the new worker's main, ours / Perl", 1, lambda name: median(mains[name]) / median(mains[PERL]))
    return "\n\n".join([against_perl("HUP to the new worker's main, interval 0", mains),
                        against_perl("HUP to the new worker accepting, interval 0", readies)]) + lost_note(lost)


def end_table(cases, targets):
    """Of {mode: {subject: [Round]}}: from the new worker's readiness; below 0: the round ended before it."""
    rows, readiness = [], {}
    for mode, found in cases.items():
        for name, rounds in found.items():
            told = [one.told.time - one.start.ready for one in rounds]
            status = [one.status - one.start.ready for one in rounds]
            ends = [max(pair) for pair in zip(told, status)]
            rows.append([f"{name}, {mode}", len(rounds), milliseconds(median(told)), milliseconds(median(status)),
                         *spread(ends), milliseconds(max(ends))])
            if "notify" in mode:
                readiness[name] = ends
    targets.add("READY=1 to the round's end, median ms", 5, lambda name: median(readiness[name]) / 1e6)
    targets.add("the same, p99", 5, lambda name: percentile(readiness[name], 0.99) / 1e6)
    return table(["new worker ready to the round's end", "rounds", "old worker told, median ms",
                  "status file, median ms", *(f"both, {word}" for word in [*SPREAD, "max ms"])], rows)


def crash_table(found, targets):
    for word, statistic in ("median", median), ("p99", lambda values: percentile(values, 0.99)):
        targets.add(f"death to the replacement's main, {word}, ours / Perl", 1,
                    lambda name: statistic(found[name]) / statistic(found[PERL]))
    return against_perl("kill -9 of the worker to its replacement's main", found)


def rate_table(found, lost, rounds, targets):
    kind = lambda ballast: "1 GiB resident" if ballast else "as it is"
    rows = []
    for (name, ballast), values in found.items():
        rows.append([f"{name}, {kind(ballast)}", len(values), *(f"{pick(values):.0f}" for pick in (max, median, min)),
                     ratio(values, found.get((name, 0))), ratio(values, found.get((PERL, ballast)))])
    targets.add("spawn rate, ours / Perl", 1, lambda name: median(found[name, 0]) / median(found[PERL, 0]), True)
    targets.add("spawn rate, 1 GiB resident / as it is", 0.9,
                lambda name: median(found[name, GIB]) / median(found[name, 0]), True)
    return table([f"HUP rounds a second, {rounds} on end", "bursts", "max", "median", "min", "with / without",
                  "/ Perl"], rows) + lost_note({f"{name}, {kind(size)}": count for (name, size), count in lost.items()})
