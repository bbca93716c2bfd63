#!/usr/bin/env python3
"""The black-box suite of masterd and of --workers, for every point of sections 2 to 9 of their specification.

It knows command lines, sockets, signals, files and /proc only. The last line counts the results; the exit status is 0
exactly when nothing failed. Linux only; as root it tries a little more.
"""

import argparse
import functools
import os
import signal
import sys
import time

sys.dont_write_bytecode = True
# The harness that all suites in Python share lies beside them.
sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

from harness import reports, runner                          # noqa: E402
from harness.checks import ALL                               # noqa: E402
from suite import checks                                     # noqa: E402, F401
from suite.case import BINARIES, Case                              # noqa: E402


def main() -> int:
    options = parse()
    chosen = [check for check in ALL if wanted(check, options)]
    if options.list:
        print("\n".join(check.name for check in chosen))
        return 0
    signal.signal(signal.SIGTERM, lambda number, frame: sys.exit(128 + number))
    begin = time.monotonic()
    results = []
    for result in runner.run(chosen, functools.partial(Case, os.path.abspath(options.bin)), options.jobs):
        results.append(result)
        if not options.quiet or result.verdict != reports.PASS:
            print(result.line(), flush=True)
    print(f"{reports.summary(results)} in {time.monotonic() - begin:.0f} s")
    return 1 if reports.count(results, reports.FAIL) else 0


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bin", metavar="DIR", default=BINARIES, help="of the executables; default: %(default)s")
    parser.add_argument("--section", metavar="NAME", action="append", default=[], help="only this section; repeatable")
    parser.add_argument("--only", metavar="TEXT", action="append", default=[], help="only checks whose name holds it")
    parser.add_argument("--jobs", metavar="N", type=int, default=4, help="checks at a time; default: %(default)s")
    parser.add_argument("--quiet", action="store_true", help="print failures and the last line only")
    parser.add_argument("--list", action="store_true", help="print the checks' names and end")
    return parser.parse_args()


def wanted(check, options: argparse.Namespace) -> bool:
    if options.section and check.section not in [each.replace("_", " ") for each in options.section]:
        return False
    return not options.only or any(each.lower() in check.name.lower() for each in options.only)


if __name__ == "__main__":
    sys.exit(main())
