#!/usr/bin/env python3
"""The storm: reloads 20 ms apart under load; USR2 and TERM back to back in both orders; TERM 0 to 20 ms after USR2;
kill -9 of the master. For masterd and for echod --workers.

A round has to end, with 0, no process and no file left. The last line counts the rounds; the exit status is 0 exactly
when none failed.
"""

import argparse
import os
import signal
import sys
import time
from typing import Callable, List

sys.dont_write_bytecode = True
# The harness that all suites in Python share lies beside them.
sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

from load import SUBJECTS, add_subject, start                   # noqa: E402
from harness import processes, suites                           # noqa: E402
from harness.checks import Failed, expect                       # noqa: E402
from harness.load import pause_until                            # noqa: E402
from harness.moments import let_pass                    # noqa: E402
from harness.processes import eventually                        # noqa: E402
from suite.case import Case                                     # noqa: E402
from suite.clients import port_of                               # noqa: E402
from suite.load import Load                                     # noqa: E402
from suite.master import Master                                 # noqa: E402


class Rounds:
    def __init__(self, binaries: str) -> None:
        self.binaries = binaries
        self.passed = self.failed = 0

    def play(self, subject: str, name: str, body: Callable[[Case, str], str]) -> str:
        """One round; what it has to say, or nothing where it failed."""
        case = Case(self.binaries)
        try:
            said = body(case, subject)
            self.passed += 1
            return said
        except (Failed, OSError) as failure:
            self.failed += 1
            print(f"FAIL  {subject}, {name}: {failure}\n{case.account()}", flush=True)
            return ""
        finally:
            case.clear()


def main() -> int:
    options = parse()
    rounds = Rounds(options.bin)
    for subject in SUBJECTS[options.subject]:
        said = rounds.play(subject, "reloads 20 ms apart", lambda case, subject: storm(case, subject, options))
        print(said, flush=True)
        begin = time.monotonic()
        slowest = max(stops(rounds, subject, options))
        print(f"{subject}: slowest end {slowest * 1000:.0f} ms, {time.monotonic() - begin:.1f} s in all", flush=True)
        print(f"{subject}: all workers gone after " + ", ".join(
            rounds.play(subject, "kill -9 of the master", death) for _ in range(max(3, options.rounds))), flush=True)
    print(f"{rounds.passed} passed, {rounds.failed} failed")
    return 1 if rounds.failed else 0


def parse() -> argparse.Namespace:
    parser = suites.parser(__doc__)
    add_subject(parser)
    parser.add_argument("--rounds", metavar="N", type=int, default=1, help="of each moment; default: %(default)s")
    parser.add_argument("--reloads", metavar="N", type=int, default=500, help="20 ms apart; default: %(default)s")
    parser.add_argument("--stall", metavar="MS", type=float, default=0, help="a slower request is a failure")
    parser.add_argument("--limit", metavar="S", type=float, default=10, help="for the end; default: %(default)s")
    return parser.parse_args()


def storm(case: Case, subject: str, options: argparse.Namespace) -> str:
    master = start(case, subject, 2)
    load = Load(port_of(master))
    begin = time.monotonic()
    try:
        for number in range(options.reloads):
            master.send(signal.SIGUSR2)
            pause_until(begin + (number + 1) * 0.02)
        master.reload(seconds=60)
    finally:
        seen = load.end()
    reloads = master.table().master.reloads
    master.wait(lambda: len(master.offspring()) == 2, "two workers")
    master.stop()
    case.finish()
    figures = f"{subject}: {options.reloads} reloads asked for 20 ms apart, {reloads} rounds: {seen}"
    expect(not seen.failures and not (options.stall and seen.slowest * 1000 > options.stall), figures)
    return figures


def stops(rounds: Rounds, subject: str, options: argparse.Namespace) -> List[float]:
    """The seconds of each end."""
    def end(send: Callable[[Master], None]) -> Callable[[Case, str], str]:
        def body(case: Case, subject: str) -> str:
            master = start(case, subject, 2)
            send(master)
            begin = time.monotonic()
            master.ends(0, options.limit)
            seconds = time.monotonic() - begin
            case.expect_nothing_left()
            return str(seconds)
        return body

    def pair(first: int, second: int, gap: float = 0) -> Callable[[Master], None]:
        def send(master: Master) -> None:
            master.send(first)
            if gap:
                let_pass(gap)
            master.send(second)
        return send
    ends = ["0"]
    for _ in range(options.rounds):
        for first, second, name in ((signal.SIGUSR2, signal.SIGTERM, "USR2 and TERM"),
                                    (signal.SIGTERM, signal.SIGUSR2, "TERM and USR2")):
            ends.append(rounds.play(subject, f"{name} back to back", end(pair(first, second))))
        for step in range(21):
            send = pair(signal.SIGUSR2, signal.SIGTERM, step / 1000)
            ends.append(rounds.play(subject, f"TERM {step} ms after USR2", end(send)))
    return [float(each or 0) for each in ends]


def death(case: Case, subject: str) -> str:
    master = start(case, subject, 4)
    workers = master.offspring()
    expect(len(workers) == 4, f"{len(workers)} workers")
    begin = time.monotonic()
    master.send(signal.SIGKILL)
    gone = eventually(lambda: not [pid for pid in workers if processes.alive(pid)], 10)
    seconds = time.monotonic() - begin
    expect(gone and seconds < 1, f"after {seconds:.2f} s there are still some")
    return f"{seconds * 1000:.0f} ms"


if __name__ == "__main__":
    sys.exit(main())
