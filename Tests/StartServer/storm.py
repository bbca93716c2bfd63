#!/usr/bin/env python3
"""The storm: HUPs as fast as they can be sent, with TERM at a random point among them, round after round.

Each round has to end, with 0, no process and no file left (pid file, status file, Unix socket). The seed is printed
and can be given again. The last line counts the rounds; the exit status is 0 exactly when none failed.
"""

import argparse
import os
import random
import signal
import sys
import time

sys.dont_write_bytecode = True
# The harness that all suites in Python share lies beside them.
sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

from start_server import OURS, subject_at              # noqa: E402
from harness import suites                             # noqa: E402
from harness.checks import Failed                      # noqa: E402
from harness.moments import let_pass                    # noqa: E402
from suite.case import Case                            # noqa: E402

PAUSES = [0, 0, 0.0001]
"""Seconds between two HUPs; one of them per round."""


def main() -> int:
    options = parse()
    seed = options.seed if options.seed is not None else random.randrange(1 << 32)
    print(f"seed {seed}", flush=True)
    chance = random.Random(seed)
    failed = workers = 0
    slowest = 0.0
    begin = time.monotonic()
    for number in range(options.rounds):
        point, pause = chance.randrange(options.hups), chance.choice(PAUSES)
        case = Case(subject_at(options.subject))
        try:
            seconds, started = storm(case, options, number, point, pause)
            slowest, workers = max(slowest, seconds), workers + started
        except Failed as failure:
            failed += 1
            print(f"round {number}, TERM after {point} HUPs, pause {pause * 1e6:.0f} us: {failure}\n{case.account()}")
        finally:
            case.clear()
    print(f"slowest end {slowest:.2f} s after TERM, {workers} workers, {time.monotonic() - begin:.1f} s in all")
    print(f"{options.rounds - failed} passed, {failed} failed")
    return 1 if failed else 0


def parse() -> argparse.Namespace:
    parser = suites.parser(__doc__)
    parser.add_argument("--subject", metavar="PATH", default=OURS, help="default: %(default)s")
    parser.add_argument("--rounds", metavar="N", type=int, default=50, help="default: %(default)s")
    parser.add_argument("--hups", metavar="N", type=int, default=1000, help="per round; default: %(default)s")
    parser.add_argument("--seed", metavar="N", type=int, help="default: a random one")
    parser.add_argument("--limit", metavar="S", type=float, default=30, help="for the end; default: %(default)s")
    return parser.parse_args()


def storm(case: Case, options: argparse.Namespace, number: int, point: int, pause: float) -> "tuple[float, int]":
    """One round; the seconds from TERM to the end, and how many workers there were."""
    program = case.worker() if number % 5 == 4 else ["sleep", "1000"]
    daemon = case.start("--port=0", f"--path={case.socket}", *case.files, program=program)
    daemon.line(r"starting new worker \d+")
    term = 0.0
    for sent in range(options.hups):
        if sent == point:
            daemon.send(signal.SIGTERM)
            term = time.monotonic()
        daemon.hup()
        if pause:
            let_pass(pause)
    daemon.ends(0, options.limit)
    seconds = time.monotonic() - term
    case.finish()
    return seconds, len(daemon.matches(r"starting new worker \d+"))


if __name__ == "__main__":
    sys.exit(main())
