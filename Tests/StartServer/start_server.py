#!/usr/bin/env python3
"""The black-box suite of start_server, for every point of sections 1 to 4 of its specification.

It knows a command line, sockets, signals, files and /proc only; so it judges ours and Debian's original in Perl alike:
    start_server.py --subject /usr/bin/start_server
What the original is known to fail counts as `known` there, and what only ours has as `n.a.`. The last line counts the
results; the exit status is 0 exactly when nothing failed. Linux only; as root it tries a little more.
"""

import argparse
import fnmatch
import functools
import os
import signal
import sys
from typing import List

sys.dont_write_bytecode = True
# The harness that all suites in Python share lies beside them.
sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

from harness import reports, runner                          # noqa: E402
from harness.checks import ALL, Check                        # noqa: E402
from suite import checks                                     # noqa: E402, F401
from suite.case import REPOSITORY, Case, Subject  # noqa: E402

OURS = os.path.join(REPOSITORY, ".build", "debug", "start_server")
ORIGINAL = "/usr/bin/start_server"


def main() -> int:
    options = parse()
    chosen = [check for check in ALL if wanted(check, options)]
    if options.list:
        print("\n".join(f"{check.name}{marks(check)}" for check in chosen))
        return 0
    signal.signal(signal.SIGTERM, lambda number, frame: sys.exit(128 + number))
    subjects = [subject_at(options.subject)]
    if options.matrix and not subjects[0].original:
        subjects.append(subject_at(options.original))
    scores = {subject.name: judge(subject, chosen, options) for subject in subjects}
    if options.matrix:
        print("\n" + reports.matrix(chosen, scores) + "\n")
    ours = scores[subjects[0].name]
    print(reports.summary(ours))
    return 1 if reports.count(ours, reports.FAIL) else 0


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--subject", metavar="PATH", default=OURS, help="the executable to judge; default: %(default)s")
    parser.add_argument("--original", metavar="PATH", default=ORIGINAL, help="for --matrix; default: %(default)s")
    parser.add_argument("--only", metavar="PATTERN", action="append", default=[],
                        help="only checks whose name holds the text, or matches the pattern with * or ?; repeatable")
    parser.add_argument("--skip-slow", action="store_true", help="leave out checks that take some seconds")
    parser.add_argument("--jobs", metavar="N", type=int, default=4, help="checks at a time; default: %(default)s")
    parser.add_argument("--matrix", action="store_true", help="judge the original too, and print every verdict")
    parser.add_argument("--list", action="store_true", help="print the checks' names and end")
    return parser.parse_args()


def wanted(check: Check, options: argparse.Namespace) -> bool:
    if check.slow and options.skip_slow:
        return False
    name = check.name.lower()
    patterns = [pattern.lower() for pattern in options.only]
    return not patterns or any(each in name or fnmatch.fnmatchcase(name, each) for each in patterns)


def marks(check: Check) -> str:
    known = f" [the original: {check.known}]" if check.known else ""
    return (" [ours]" if check.ours else "") + (" [slow]" if check.slow else "") + known


def subject_at(path: str) -> Subject:
    """The original is known by its first line: it is a Perl script."""
    try:
        with open(path, "rb") as file:
            original = b"perl" in file.readline(100)
    except OSError as error:
        sys.exit(f"no subject: {error}")
    return Subject("original" if original else "ours", os.path.abspath(path), original)


def judge(subject: Subject, chosen: List[Check], options: argparse.Namespace) -> List[reports.Result]:
    results = []
    for result in runner.run(chosen, functools.partial(Case, subject), options.jobs, not subject.original):
        results.append(result)
        if subject.path == os.path.abspath(options.subject):
            print(result.line(), flush=True)
    return results


if __name__ == "__main__":
    sys.exit(main())
