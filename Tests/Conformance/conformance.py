#!/usr/bin/env python3
"""Outside conformance: does a program become a daemon as it should?

Each check knows only a command line, /proc, signals, a pid file and a log file; so the same checks judge echod, which
stands for every daemon built on DaemonKit, and its peers: Debian's start-stop-daemon and daemonize, a C daemon on
libdaemon, a Python daemon on PyPI's python-daemon. The last line counts echod's results; the exit status is 0 exactly
when echod fails none. Linux only; as root it tries a little more.
"""

import argparse
import functools
import os
import shutil
import sys
import tempfile
from typing import Dict, List

sys.dont_write_bytecode = True
# The harness that all suites in Python share lies beside them.
sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

from harness import reports, suites                                             # noqa: E402
from harness.checks import ALL, Check                                           # noqa: E402
from suite import checks                                                        # noqa: E402, F401
from suite.case import Case                                                     # noqa: E402
from suite.subjects import Echod, Missing, Subject, all_subjects                # noqa: E402


def main() -> int:
    options = parse()
    chosen = suites.choice(ALL, options)
    subjects = wanted(options)
    suites.end_through_clean_up()
    cache = options.cache or tempfile.mkdtemp(prefix="conformance-peers-")
    os.makedirs(cache, exist_ok=True)
    scores: Dict[str, List[reports.Result]] = {}
    missing: Dict[str, str] = {}
    try:
        for subject in subjects:
            try:
                subject.prepare(cache)
                scores[subject.name] = judge(subject, chosen, options)
            except Missing as reason:
                missing[subject.name] = str(reason)
    finally:
        if not options.cache:
            shutil.rmtree(cache, ignore_errors=True)
    return conclude(chosen, scores, missing, options.matrix)


def parse() -> argparse.Namespace:
    parser = suites.parser(__doc__)
    parser.add_argument("--echod", metavar="PATH", help="default: the newest of .build/debug and .build/release")
    names = [each.name for each in all_subjects(None)]
    parser.add_argument("--subject", metavar="NAME", action="append", choices=names,
                        help="judge only this subject, and print its checks; may be repeated")
    parser.add_argument("--no-peers", action="store_true", help="judge only echod")
    parser.add_argument("--matrix", action="store_true", help="print every check's verdict for every subject")
    parser.add_argument("--cache", metavar="DIRECTORY", help="keep the peers' builds here; default: build them anew")
    # Most of a check is waiting.
    suites.add_choice(parser, jobs=2 * (os.cpu_count() or 1))
    return parser.parse_args()


def wanted(options: argparse.Namespace) -> List[Subject]:
    every = all_subjects(options.echod)
    if options.subject:
        return [subject for subject in every if subject.name in options.subject]
    return every[:1] if options.no_peers else every


def judge(subject: Subject, chosen: List[Check], options: argparse.Namespace) -> List[reports.Result]:
    """Runs the checks; prints them for our subject and for those asked for by name."""
    is_shown = isinstance(subject, Echod) or options.subject
    return suites.judge(chosen, functools.partial(Case, subject), options.jobs, is_shown=lambda result: is_shown)


def conclude(chosen: List[Check], scores: Dict[str, List[reports.Result]], missing: Dict[str, str],
             with_matrix: bool) -> int:
    if with_matrix:
        print("\n" + reports.matrix(chosen, scores))
    print()
    for name, results in scores.items():
        print(f"{name:20}{reports.summary(results)}")
    for name, reason in missing.items():
        print(f"{name:20}missing: {reason}")
    if Echod.name in missing:
        print("0 passed, 1 failed")
        return 1
    ours = scores.get(Echod.name, [])
    print("\n" + reports.summary(ours))
    return suites.exit_status(ours)


if __name__ == "__main__":
    sys.exit(main())
