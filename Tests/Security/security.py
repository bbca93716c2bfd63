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
import sys
import tempfile
import time

sys.dont_write_bytecode = True
# The harness that all suites in Python share lies beside them.
sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
HERE = os.path.dirname(os.path.abspath(__file__))
# The arenas, masters and control sockets of the masters' suite.
sys.path.insert(0, os.path.join(os.path.dirname(HERE), "MasterWorker"))

from harness import reports, suites                          # noqa: E402
from harness.checks import ALL                               # noqa: E402
from attacks import checks, people                           # noqa: E402, F401
from attacks.arena import Arena                              # noqa: E402


def main() -> int:
    options = parse()
    chosen = suites.choice(ALL, options)
    if os.geteuid() != 0:
        print(f"security: 0 passed, 0 failed, {len(chosen)} skipped: needs root")
        return 0
    suites.end_through_clean_up()
    begin = time.monotonic()
    with people.Accounts(), tempfile.TemporaryDirectory(prefix="dksec-") as directory:
        arena = functools.partial(Arena, reachable(options.bin, directory))
        results = suites.judge(chosen, arena, options.jobs)
    print(f"security: {reports.summary(results)} in {time.monotonic() - begin:.0f} s")
    return suites.exit_status(results)


def parse() -> argparse.Namespace:
    parser = suites.parser(__doc__)
    suites.add_binaries(parser)
    suites.add_choice(parser, jobs=2)
    return parser.parse_args()


def reachable(source: str, directory: str) -> str:
    """Copies of the executables where every account gets at them, which it may not in somebody's home."""
    os.chmod(directory, 0o755)
    for name in ("echod", "masterd", "start_server", "daemonctl", "faultd"):
        shutil.copy2(os.path.join(source, name), directory)
    return directory


if __name__ == "__main__":
    sys.exit(main())
