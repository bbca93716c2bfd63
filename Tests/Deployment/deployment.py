#!/usr/bin/env python3
"""Proves the deployment files: etc/ is what echod prints, or works with start_server or masterd, and the real tools take it.

systemd-analyze, systemd-socket-activate, logrotate, shellcheck and `service`-like calls judge the files; what belongs
to the system (init scripts, rotation, the README's commands) happens in a scratch layer over this machine's file tree,
in namespaces of its own, which needs root. A check whose tool is missing is skipped and says so. The last line counts;
the exit status is 0 exactly when nothing failed.
"""

import argparse
import os
import signal
import sys

sys.dont_write_bytecode = True
# The harness that all suites in Python share lies beside them.
sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

from suite import checks, printed       # noqa: E402
from suite.case import Case             # noqa: E402
from suite.report import Report         # noqa: E402

REPOSITORY = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))


def main() -> int:
    options = parse()
    echod = os.path.abspath(options.echod)
    if not os.access(echod, os.X_OK):
        print(f"deployment.py: {echod} is not there: swift build --product echod", file=sys.stderr)
        return 2
    start_server = os.path.abspath(options.start_server or os.path.join(os.path.dirname(echod), "start_server"))
    masterd = os.path.abspath(options.masterd or os.path.join(os.path.dirname(echod), "masterd"))
    if options.write:
        printed.write_all(echod, os.path.join(REPOSITORY, "etc"))
        return 0
    for program in (start_server, masterd):
        if not os.access(program, os.X_OK):
            name = os.path.basename(program)
            print(f"deployment.py: {program} is not there: swift build --product {name}", file=sys.stderr)
            return 2
    signal.signal(signal.SIGTERM, lambda number, frame: sys.exit(128 + number))     # through the clean-up, as ^C does
    report = Report()
    for check in checks.ALL:
        if options.only.lower() in check.name.lower():
            report.add(check.name, Case(echod, start_server, masterd, REPOSITORY).judge(check))
    print(report.summary())
    return 1 if report.failed else 0


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--echod", metavar="PATH", default=os.path.join(REPOSITORY, ".build/debug/echod"),
                        help="default: .build/debug/echod")
    parser.add_argument("--start-server", metavar="PATH", help="default: beside echod")
    parser.add_argument("--masterd", metavar="PATH", help="default: beside echod")
    parser.add_argument("--only", metavar="TEXT", default="", help="run only checks whose name holds the text")
    parser.add_argument("--write", action="store_true", help="write what echod prints into etc/, and end")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
