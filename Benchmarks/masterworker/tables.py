"""The tables, and which targets are met."""
from statistics import StatisticsError, median

from report import milliseconds, percentile, ratio, table
from subjects import HAPROXY, RUNIT, S6_NAME, SUPERVISOR

SPREAD = ["min ms", "median ms", "p99 ms"]


def spread(values):
    return [milliseconds(min(values)), milliseconds(median(values)), milliseconds(percentile(values, 0.99))]


def mebibytes(kibibytes):
    return f"{kibibytes / 1024:.2f}"


class Targets:
    """What the issue wants shown of each of our executables."""

    def __init__(self, subjects):
        self.names = [subject.name for subject in subjects if subject.is_ours]
        self.rows = []

    def add(self, what, limit, figure):
        """`figure` is a function of a subject's name; it throws where something was not measured."""
        cells = []
        for name in self.names:
            try:
                value = figure(name)
                cells.append(f"{value:.2f}, {'yes' if value <= limit else 'NO'}")
            except (KeyError, IndexError, StatisticsError):
                cells.append("–")
        self.rows.append([what, f"≤ {limit:g}", *cells])

    def table(self):
        return table(["target", "", *self.names], self.rows)


def against(heading, samples, peer):
    """A table of {subject: [ns]} beside a peer."""
    base = samples.get(peer)
    return table([heading, "samples", *SPREAD, f"median / {peer}", f"p99 / {peer}"],
                 [[name, len(values), *spread(values), ratio(values, base),
                   ratio(values, base, lambda some: percentile(some, 0.99))]
                  for name, values in samples.items() if values])


def reload_tables(found, targets):
    signals = {name: one.signals for name, one in found.items()}
    serving = {name: one.serving for name, one in found.items()}
    for what, samples in ("USR2", signals), ("`reload`", serving):
        targets.add(f"{what} to the new worker's answer, median, ours / haproxy", 1,
                    lambda name: median(samples[name]) / median(samples[HAPROXY]))
        targets.add("the same, p99", 1,
                    lambda name: percentile(samples[name], 0.99) / percentile(samples[HAPROXY], 0.99))
    parts = [against("USR2 to the new worker's first answer", signals, HAPROXY),
             against("`reload` on the control socket to the new worker's first answer", serving, HAPROXY)]
    rows = [[name, one.lost, one.failures] for name, one in found.items()]
    parts.append(table(["of these", "reloads without effect", "requests failed"], rows))
    return "\n\n".join(parts)


def answer_table(samples):
    return "\n\n".join([
        against("`reload` to the end of its answer", samples, HAPROXY),
        "haproxy before 2.7 closes the session as it begins to reload; masterd answers when the new worker serves."])


def rest_table(found, seconds, targets):
    base = found.get(HAPROXY)
    versus = lambda one: f"{one.memory[1] / base.memory[1]:.2f}" if base else "–"
    rows = [[name, one.processes, *map(mebibytes, one.memory), versus(one),
             mebibytes(one.after[1]) if one.after else "–", one.threads, *one.work] for name, one in found.items()]
    targets.add("PSS at rest, ours / haproxy's master", 1,
                lambda name: found[name].memory[1] / found[HAPROXY].memory[1])
    targets.add("the same after a reload", 1, lambda name: found[name].after[1] / found[HAPROXY].after[1])
    targets.add("wake-ups at rest", 0, lambda name: found[name].work[0])
    return table(["at rest, one child", "processes", "RSS MiB", "PSS MiB", "private MiB", "PSS / haproxy",
                  "PSS MiB after a reload", "threads", f"wake-ups in {seconds} s", "CPU ticks"], rows)


def crash_table(found):
    return against("kill -9 of a program to its replacement's main", found, RUNIT)


def crowd_tables(found, seconds, targets):
    """Of {count: {subject: Crowd}}."""
    yield from (crowd_table(count, crowds, seconds[count]) for count, crowds in found.items())
    most = max(found)
    crowds = found[most]
    targets.add(f"{most:,} programs: PSS a program, ours / s6", 1,
                lambda name: crowds[name].memory[1] / crowds[S6_NAME].memory[1])
    targets.add(f"{most:,} programs: CPU ticks at rest", 0, lambda name: crowds[name].work[1])
    targets.add(f"{most:,} programs: wake-ups at rest", 0, lambda name: crowds[name].work[0])
    for peer in HAPROXY, SUPERVISOR, S6_NAME, RUNIT:
        targets.add(f"{most:,} programs: start, median, ours / {peer}", 1,
                    lambda name: median(crowds[name].starts) / median(crowds[peer].starts))


def crowd_table(count, crowds, seconds):
    base = crowds.get(S6_NAME)
    each = lambda kibibytes: f"{kibibytes / count:,.2f}"
    versus = lambda one: f"{one.memory[1] / base.memory[1]:.3f}" if base else "–"
    rows = [[name, len(one.starts), milliseconds(median(one.starts)), milliseconds(max(one.starts)), one.spent,
             one.processes, each(one.memory[0]), each(one.memory[1]), versus(one), one.work[1], one.work[0],
             milliseconds(median(one.stops))] for name, one in crowds.items()]
    programs = f"{count:,} program{'s' * (count > 1)}"
    return table([programs, "starts", "start, median ms", "start, max ms", "CPU ticks of it", "processes",
                  "RSS KiB a program", "PSS KiB a program", "PSS / s6", f"CPU ticks in {seconds} s", "wake-ups",
                  "stop, median ms"], rows)


def leak_table(found):
    """Of {subject: {what: [(rounds, RSS, PSS, private, descriptors)]}}."""
    rows = [[f"{name}, {what}", f"{rounds:,}", *sizes] for name, whats in found.items()
            for what, points in whats.items() for rounds, *sizes in points]
    return table(["after so many rounds", "rounds", "RSS KiB", "PSS KiB", "private KiB", "descriptors"], rows)
