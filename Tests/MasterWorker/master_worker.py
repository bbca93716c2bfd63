#!/usr/bin/env python3
"""The black-box suite of masterd and of --workers, for every point of sections 2 to 9 of their specification.

It knows command lines, sockets, signals, files and /proc only. The last line counts the results; the exit status is 0
exactly when nothing failed. Linux only; as root it tries a little more.
"""

import argparse
import os
import signal
import sys
import time
from typing import List

sys.dont_write_bytecode = True

from suite import checks, runner                             # noqa: E402, F401
from suite.case import BINARIES                              # noqa: E402
from suite.registry import ALL                               # noqa: E402


def main() -> int:
    options = parse()
    chosen = [number for number, check in enumerate(ALL) if wanted(check, options)]
    if options.list:
        print("\n".join(ALL[number].name for number in chosen))
        return 0
    signal.signal(signal.SIGTERM, lambda number, frame: sys.exit(128 + number))
    begin = time.monotonic()
    verdicts: List[str] = []
    for result in runner.run(chosen, os.path.abspath(options.bin), options.jobs):
        verdicts.append(result.verdict)
        if not options.quiet or result.verdict != runner.PASS:
            print(result.line(), flush=True)
    passed, failed, skipped = (verdicts.count(each) for each in (runner.PASS, runner.FAIL, runner.NOT_APPLICABLE))
    more = f", {skipped} not applicable" if skipped else ""
    print(f"{passed} passed, {failed} failed{more} in {time.monotonic() - begin:.0f} s")
    return 1 if failed else 0


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
