#!/usr/bin/env python3
"""The black-box suite of masterd and of --workers, for every point of sections 2 to 9 of their specification.

It knows command lines, sockets, signals, files and /proc only. The last line counts the results; the exit status is 0
exactly when nothing failed. Linux only; as root it tries a little more.
"""

import argparse
import functools
import os
import sys
import time

sys.dont_write_bytecode = True
# The harness that all suites in Python share lies beside them.
sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

from harness import reports, suites                          # noqa: E402
from harness.checks import ALL                               # noqa: E402
from suite import checks                                     # noqa: E402, F401
from suite.case import Case                                  # noqa: E402


def main() -> int:
    options = parse()
    sections = [each.replace("_", " ") for each in options.section]
    chosen = suites.choice([check for check in ALL if not sections or check.section in sections], options)
    begin = time.monotonic()
    results = suites.judge(chosen, functools.partial(Case, options.bin), options.jobs,
                           is_shown=lambda result: not options.quiet or result.verdict != reports.PASS)
    print(f"{reports.summary(results)} in {time.monotonic() - begin:.0f} s")
    return suites.exit_status(results)


def parse() -> argparse.Namespace:
    parser = suites.parser(__doc__)
    suites.add_binaries(parser)
    suites.add_choice(parser, jobs=4)
    parser.add_argument("--section", metavar="NAME", action="append", default=[], help="only this section; repeatable")
    parser.add_argument("--quiet", action="store_true", help="print failures and the last line only")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
