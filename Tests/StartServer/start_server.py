#!/usr/bin/env python3
"""The black-box suite of start_server, for every point of sections 1 to 4 of its specification.

It knows a command line, sockets, signals, files and /proc only; so it judges ours and Debian's original in Perl alike:
    start_server.py --subject /usr/bin/start_server
What the original is known to fail counts as `known` there, and what only ours has as `n.a.`. The last line counts the
results; the exit status is 0 exactly when nothing failed. Linux only; as root it tries a little more.
"""

import argparse
import functools
import os
import sys
from typing import List

sys.dont_write_bytecode = True
# The harness that all suites in Python share lies beside them.
sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

from harness import reports, suites                          # noqa: E402
from harness.checks import ALL, Check                        # noqa: E402
from suite import checks                                     # noqa: E402, F401
from suite.case import Case, Subject                         # noqa: E402

OURS = os.path.join(suites.BINARIES, "start_server")
ORIGINAL = "/usr/bin/start_server"


def main() -> int:
    options = parse()
    chosen = suites.choice([check for check in ALL if not check.slow or not options.skip_slow], options, shown)
    subjects = [subject_at(options.subject)]
    if options.matrix and not subjects[0].original:
        subjects.append(subject_at(options.original))
    scores = {subject.name: judge(subject, chosen, options) for subject in subjects}
    if options.matrix:
        print("\n" + reports.matrix(chosen, scores) + "\n")
    ours = scores[subjects[0].name]
    print(reports.summary(ours))
    return suites.exit_status(ours)


def parse() -> argparse.Namespace:
    parser = suites.parser(__doc__)
    parser.add_argument("--subject", metavar="PATH", default=OURS, help="the executable to judge; default: %(default)s")
    parser.add_argument("--original", metavar="PATH", default=ORIGINAL, help="for --matrix; default: %(default)s")
    suites.add_choice(parser, jobs=4)
    parser.add_argument("--skip-slow", action="store_true", help="leave out checks that take some seconds")
    parser.add_argument("--matrix", action="store_true", help="judge the original too, and print every verdict")
    return parser.parse_args()


def shown(check: Check) -> str:
    known = f" [the original: {check.known}]" if check.known else ""
    return check.name + (" [ours]" if check.ours else "") + (" [slow]" if check.slow else "") + known


def subject_at(path: str) -> Subject:
    """The original is known by its first line: it is a Perl script."""
    try:
        with open(path, "rb") as file:
            original = b"perl" in file.readline(100)
    except OSError as error:
        sys.exit(f"no subject: {error}")
    return Subject("original" if original else "ours", os.path.abspath(path), original)


def judge(subject: Subject, chosen: List[Check], options: argparse.Namespace) -> List[reports.Result]:
    is_first = subject.path == os.path.abspath(options.subject)
    return suites.judge(chosen, functools.partial(Case, subject), options.jobs, not subject.original,
                        lambda result: is_first)


if __name__ == "__main__":
    sys.exit(main())
