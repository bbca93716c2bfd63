#!/usr/bin/env python3
"""Proves the deployment files: etc/ is what echod prints, or works with start_server or masterd, and the real tools take it.

systemd-analyze, systemd-socket-activate, logrotate, shellcheck and `service`-like calls judge the files; what belongs
to the system (init scripts, rotation, the README's commands) happens in a scratch layer over this machine's file tree,
in namespaces of its own, which needs root. A check whose tool is missing is skipped and says so. The last line counts;
the exit status is 0 exactly when nothing failed.
"""

import argparse
import functools
import os
import sys

sys.dont_write_bytecode = True
# The harness that all suites in Python share lies beside them.
sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

from harness import reports, suites         # noqa: E402
from suite import checks, printed           # noqa: E402
from suite.case import Case                 # noqa: E402


def main() -> int:
    options = parse()
    beside = os.path.dirname(options.echod)
    programs = [options.echod, options.start_server or os.path.join(beside, "start_server"),
                options.masterd or os.path.join(beside, "masterd")]
    for program in programs:
        if not os.access(program, os.X_OK):
            sys.exit(f"deployment.py: {program} is not there: swift build --product {os.path.basename(program)}")
    if options.write:
        printed.write_all(options.echod, os.path.join(suites.REPOSITORY, "etc"))
        return 0
    results = suites.judge(suites.choice(checks.ALL, options), functools.partial(Case, *programs), options.jobs)
    print(reports.summary(results))
    return suites.exit_status(results)


def parse() -> argparse.Namespace:
    parser = suites.parser(__doc__)
    parser.add_argument("--echod", metavar="PATH", type=os.path.abspath, help="default: .build/debug/echod",
                        default=os.path.join(suites.BINARIES, "echod"))
    parser.add_argument("--start-server", metavar="PATH", type=os.path.abspath, help="default: beside echod")
    parser.add_argument("--masterd", metavar="PATH", type=os.path.abspath, help="default: beside echod")
    # Some of the checks take the time.
    suites.add_choice(parser, jobs=1)
    parser.add_argument("--write", action="store_true", help="write what echod prints into etc/, and end")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
