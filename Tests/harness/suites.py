"""What the scripts of the suites have in common: where things lie, their options, and how they end."""

import argparse
import os
import signal
import sys
from typing import Callable, List, Sequence

from . import reports, runner
from .checks import Check, chosen

REPOSITORY = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BINARIES = os.path.join(REPOSITORY, ".build", "debug")


def parser(text: str) -> argparse.ArgumentParser:
    return argparse.ArgumentParser(description=text, formatter_class=argparse.RawDescriptionHelpFormatter)


def add_choice(options: argparse.ArgumentParser, jobs: int) -> None:
    """Which checks, and how many at a time."""
    options.add_argument("--only", metavar="TEXT", action="append", default=[],
                         help="only checks whose name holds the text, or matches the pattern with * or ?; repeatable")
    options.add_argument("--jobs", metavar="N", type=int, default=jobs, help="checks at a time; default: %(default)s")
    options.add_argument("--list", action="store_true", help="print the checks' names and end")


def add_binaries(options: argparse.ArgumentParser) -> None:
    options.add_argument("--bin", metavar="DIRECTORY", default=BINARIES, type=os.path.abspath,
                         help="of the executables; default: %(default)s")


def choice(checks: Sequence[Check], options: argparse.Namespace, show: Callable[[Check], str] = lambda each: each.name
           ) -> List[Check]:
    """The checks that the options name; prints them and ends with --list."""
    found = chosen(checks, options.only)
    if options.list:
        print("\n".join(map(show, found)))
        sys.exit(0)
    if not found:
        sys.exit(f"no check is named like {' or '.join(options.only)}")
    return found


def end_through_clean_up() -> None:
    """SIGTERM ends the script as ^C does: through whatever stands in a `finally`."""
    signal.signal(signal.SIGTERM, lambda number, frame: sys.exit(128 + number))


def judge(checks: Sequence[Check], arena: Callable, jobs: int, is_ours: bool = True,
          is_shown: Callable[[reports.Result], bool] = lambda result: True) -> List[reports.Result]:
    """Runs the checks, and prints their results as they come."""
    end_through_clean_up()
    results = []
    for result in runner.run(checks, arena, jobs, is_ours):
        results.append(result)
        if is_shown(result):
            print(result.line(), flush=True)
    return results


def exit_status(results: Sequence[reports.Result]) -> int:
    return 1 if reports.count(results, reports.FAIL) else 0
