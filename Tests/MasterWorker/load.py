#!/usr/bin/env python3
"""The load proof: clients on loopback while masterd, and echod --workers, are reloaded again and again.

Half of the clients open a connection for each request, the others keep theirs. Every request has to be answered. With
--upgrades the master's own executable is replaced in between, and it keeps its pid. The last line has the figures; the
exit status is 0 exactly when nothing failed.
"""

import argparse
import os
import signal
import sys
import time

sys.dont_write_bytecode = True
# The harness that all suites in Python share lies beside them.
sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

from harness import suites                                  # noqa: E402
from harness.checks import Failed, expect                   # noqa: E402
from harness.load import at_even_times                      # noqa: E402
from suite.case import Case, section                            # noqa: E402
from suite.checks.upgrade import REPLACEMENTS                   # noqa: E402
from suite.clients import port_of                               # noqa: E402
from suite.load import Load, Seen                               # noqa: E402
from suite.master import Master                                 # noqa: E402

SUBJECTS = {"masterd": ["masterd"], "workers": ["workers"], "both": ["masterd", "workers"]}


def main() -> int:
    options = parse()
    good, lines = True, []
    for subject in SUBJECTS[options.subject]:
        case = Case(options.bin)
        try:
            lines.append(f"{subject}: {prove(case, subject, options)}")
        except Failed as failure:
            good = False
            print(f"{failure}\n{case.account()}")
            lines.append(f"{subject}: {str(failure).splitlines()[0]}")
        finally:
            case.clear()
    print(f"{'ok' if good else 'FAILED'}: " + "; ".join(lines))
    return 0 if good else 1


def parse() -> argparse.Namespace:
    parser = suites.parser(__doc__)
    add_subject(parser)
    parser.add_argument("--seconds", metavar="S", type=float, default=60, help="of each; default: %(default)s")
    parser.add_argument("--reloads", metavar="N", type=int, default=200, help="at even times; default: %(default)s")
    parser.add_argument("--every-ms", metavar="MS", type=float, default=0,
                        help="reload by USR2 at this pace, whatever became of the one before; default: by command")
    parser.add_argument("--upgrades", metavar="N", type=int, default=0, help="mixed in; default: none")
    parser.add_argument("--bad-upgrades", action="store_true",
                        help="also to a missing, a non-executable, a crashing and a hanging executable, at the end")
    parser.add_argument("--workers", metavar="N", type=int, default=2, help="default: %(default)s")
    parser.add_argument("--clients", metavar="N", type=int, default=4, help="processes; default: %(default)s")
    parser.add_argument("--pause", metavar="MS", type=float, default=0, help="of a client between two requests")
    parser.add_argument("--stall", metavar="MS", type=float, default=0, help="a slower request is a failure")
    return parser.parse_args()


def add_subject(options: argparse.ArgumentParser) -> None:
    suites.add_binaries(options)
    options.add_argument("--subject", choices=SUBJECTS, default="both", help="default: %(default)s")


def start(case: Case, subject: str, workers: int, copies: bool = False) -> Master:
    """Workers of echod behind a free port, under a copy of the executable where it is to be replaced."""
    name = "masterd" if subject == "masterd" else "echod"
    if copies:
        setattr(case, name, case.install(getattr(case, name), case.path("bin", name)))
    if subject == "workers":
        return case.start_workers(workers)
    case.configure("listen l\n    bind 127.0.0.1:0\n", section(
        "worker", "web", f"{case.echod} -f --log-file -", "listen l", "readiness notify", f"instances {workers}"))
    return case.start()


def prove(case: Case, subject: str, options: argparse.Namespace) -> str:
    """The figures of one subject."""
    master = start(case, subject, options.workers, options.upgrades > 0 or options.bad_upgrades)
    load = Load(port_of(master), options.clients, options.pause / 1000)
    begin = time.monotonic()
    try:
        disturb(case, master, options, begin)
        if options.bad_upgrades:
            upgrade_badly(case, master)
    finally:
        seconds = time.monotonic() - begin
        seen = load.end()
    return conclude(case, master, options, seen, seconds)


def disturb(case: Case, master: Master, options: argparse.Namespace, begin: float) -> None:
    """The reloads at even times, and the upgrades between them."""
    seconds = options.every_ms * options.reloads / 1000 or options.seconds
    for kind in at_even_times(begin, seconds, reload=options.reloads, upgrade=options.upgrades):
        if kind == "upgrade":
            upgrade(case, master)
        elif options.every_ms:
            master.send(signal.SIGUSR2)
        else:
            master.reload(seconds=30)
    if options.every_ms:
        master.reload(seconds=30)


def executable(case: Case, master: Master) -> str:
    return case.path("bin", os.path.basename(os.readlink(f"/proc/{master.pid}/exe").split(" ")[0]))


def upgrade_badly(case: Case, master: Master) -> None:
    """Each of them is refused with its reason, and the next good one works."""
    path = executable(case, master)
    for name in ("a missing", "a non-executable", "a crashing", "a hanging"):
        os.rename(path, path + ".good")
        case.install(path + ".good", path)
        REPLACEMENTS[name](path)
        print(f"to {name} executable: {master.refuses('upgrade', 60).strip().splitlines()[-1]}")
        os.rename(path + ".good", path)
    upgrade(case, master)


def upgrade(case: Case, master: Master) -> None:
    path = executable(case, master)
    case.install(path, path)
    master.reload("upgrade", 30)
    expect(os.stat(f"/proc/{master.pid}/exe").st_ino == os.stat(path).st_ino, "the executable is the old one")


def conclude(case: Case, master: Master, options: argparse.Namespace, seen: Seen, seconds: float) -> str:
    generations = max(each.generation for each in master.children())
    reloads = master.table().master.reloads
    expect(reloads.isdigit(), f"reloads {reloads}")
    wanted = options.reloads + options.upgrades + (1 if options.bad_upgrades else 0)
    expect(options.every_ms or int(reloads) == wanted, f"{reloads} reloads")
    expect(generations == int(reloads) + 1, f"generation {generations} after {reloads} reloads")
    master.stop()
    case.finish()
    figures = (f"{seen}, {reloads} reloads, {options.upgrades} upgrades, {generations} generations, {seconds:.1f} s, "
               f"{seen.requests / seconds:.0f} requests/s")
    slow = options.stall and seen.slowest * 1000 > options.stall
    expect(not seen.failures and seen.requests and not slow, figures)
    return figures


if __name__ == "__main__":
    sys.exit(main())
