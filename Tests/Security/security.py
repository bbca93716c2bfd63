#!/usr/bin/env python3
"""Attacks on the built executables, by those who are trusted with nothing: a service's own account, a stranger on the
machine, another pid namespace. Each kind of attack is tried on each front end that has the place for it.

A check passes when the attacker gains nothing, and the master goes on answering, reaping and stopping; what it prints
beside its name is the master's longest answer time during the attack. It needs root, and makes two accounts of its own,
which it removes. The last line counts the results; the exit status is 0 exactly when nothing failed. Linux only.
"""

import argparse
import functools
import os
import shutil
import signal
import sys
import tempfile
import time

sys.dont_write_bytecode = True
# The harness that all suites in Python share lies beside them.
sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
HERE = os.path.dirname(os.path.abspath(__file__))
# The arenas, masters and control sockets of the masters' suite.
sys.path.insert(0, os.path.join(os.path.dirname(HERE), "MasterWorker"))

from harness import reports, runner                          # noqa: E402
from harness.checks import ALL, wanted                       # noqa: E402
from attacks import checks, people                           # noqa: E402, F401
from attacks.arena import Arena                              # noqa: E402
from suite.case import BINARIES                              # noqa: E402


def main() -> int:
    options = parse()
    chosen = [check for check in ALL if wanted(check, options.only)]
    if options.list:
        print("\n".join(check.name for check in chosen))
        return 0
    if os.geteuid() != 0:
        print(f"security: 0 passed, 0 failed, {len(chosen)} skipped: needs root")
        return 0
    signal.signal(signal.SIGTERM, lambda number, frame: sys.exit(128 + number))
    begin = time.monotonic()
    results = []
    with people.Accounts(), tempfile.TemporaryDirectory(prefix="dksec-") as folder:
        arena = functools.partial(Arena, reachable(options.bin, folder))
        for result in runner.run(chosen, arena, options.jobs):
            results.append(result)
            print(result.line(), flush=True)
    print(f"security: {reports.summary(results)} in {time.monotonic() - begin:.0f} s")
    return 1 if reports.count(results, reports.FAIL) else 0


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bin", metavar="DIR", default=BINARIES, help="of the executables; default: %(default)s")
    parser.add_argument("--only", metavar="TEXT", action="append", default=[],
                        help="only checks whose name holds it, such as CVE-2016-1247; repeatable")
    parser.add_argument("--jobs", metavar="N", type=int, default=2, help="checks at a time; default: %(default)s")
    parser.add_argument("--list", action="store_true", help="print the checks' names and end")
    return parser.parse_args()


def reachable(source: str, folder: str) -> str:
    """Copies of the executables where every account gets at them, which it may not in somebody's home."""
    os.chmod(folder, 0o755)
    for name in ("echod", "masterd", "start_server", "daemonctl", "faultd"):
        shutil.copy2(os.path.join(source, name), folder)
    return folder


if __name__ == "__main__":
    sys.exit(main())
