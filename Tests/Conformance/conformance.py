#!/usr/bin/env python3
"""Outside conformance: does a program become a daemon as it should?

Each check knows only a command line, /proc, signals, a pid file and a log file; so the same checks judge echod, which
stands for every daemon built on DaemonKit, and its peers: Debian's start-stop-daemon and daemonize, a C daemon on
libdaemon, a Python daemon on PyPI's python-daemon. The last line counts echod's results; the exit status is 0 exactly
when echod fails none. Linux only; as root it tries a little more.
"""

import argparse
import os
import shutil
import signal
import sys
import tempfile
from typing import List

sys.dont_write_bytecode = True
# The harness that all suites in Python share lies beside them.
sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

from suite import report, runner                        # noqa: E402
from suite.checks import ALL, Check                     # noqa: E402
from suite.subjects import Echod, Missing, Subject, all_subjects     # noqa: E402

REPOSITORY = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))


def main() -> int:
    options = parse()
    checks = [check for check in ALL if options.only.lower() in check.name.lower()]
    if options.list:
        print("\n".join(check.name for check in checks))
        return 0
    signal.signal(signal.SIGTERM, lambda number, frame: sys.exit(128 + number))     # through the clean-up, as ^C does
    cache = options.cache or tempfile.mkdtemp(prefix="conformance-peers-")
    os.makedirs(cache, exist_ok=True)
    try:
        scores = [judge(subject, checks, cache, options) for subject in chosen(options)]
    finally:
        if not options.cache:
            shutil.rmtree(cache, ignore_errors=True)
    return conclude(checks, scores, options.matrix)


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--echod", metavar="PATH", help="default: the newest of .build/debug and .build/release")
    parser.add_argument("--subject", metavar="NAME", action="append", choices=[each.name for each in subjects(None)],
                        help="judge only this subject, and print its checks; may be repeated")
    parser.add_argument("--no-peers", action="store_true", help="judge only echod")
    parser.add_argument("--only", metavar="TEXT", default="", help="run only checks whose name holds the text")
    parser.add_argument("--matrix", action="store_true", help="print every check's verdict for every subject")
    parser.add_argument("--list", action="store_true", help="print the checks' names and end")
    parser.add_argument("--cache", metavar="DIRECTORY", help="keep the peers' builds here; default: build them anew")
    parser.add_argument("--jobs", metavar="N", type=int, default=2 * (os.cpu_count() or 1),
                        help="checks at a time, default: twice the processors, for most of a check is waiting")
    return parser.parse_args()


def subjects(echod: str) -> List[Subject]:
    return all_subjects(echod, REPOSITORY)


def chosen(options: argparse.Namespace) -> List[Subject]:
    every = subjects(options.echod)
    if options.subject:
        return [subject for subject in every if subject.name in options.subject]
    return every[:1] if options.no_peers else every


def judge(subject: Subject, checks: List[Check], cache: str, options: argparse.Namespace) -> report.Score:
    """Runs the checks; prints them for our subject and for those asked for by name."""
    score = report.Score(subject.name)
    try:
        subject.prepare(cache)
    except Missing as reason:
        score.missing = str(reason)
        return score
    shown = isinstance(subject, Echod) or options.subject
    for result in runner.run(subject, checks, options.jobs):
        score.results.append(result)
        if shown:
            print(report.line(result), flush=True)
    return score


def conclude(checks: List[Check], scores: List[report.Score], with_matrix: bool) -> int:
    if with_matrix:
        print("\n" + report.matrix(checks, scores))
    print("\n" + report.table(scores) + "\n")
    ours = next((score for score in scores if score.name == Echod.name), report.Score(Echod.name))
    print(ours.summary())
    return 1 if ours.missing or ours.count(runner.FAIL) else 0


if __name__ == "__main__":
    sys.exit(main())
