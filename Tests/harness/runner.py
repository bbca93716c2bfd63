"""Runs checks, several at a time, each in one of a few processes."""

import multiprocessing
import os
import signal
import sys
import time
import traceback
from typing import Callable, Iterator, List

from .checks import ALL, Check, Failed, Unavailable
from .reports import FAIL, KNOWN, NOT_APPLICABLE, PASS, Result


def run(chosen: List[Check], arena: Callable, jobs: int, is_ours: bool = True) -> Iterator[Result]:
    """The results of the checks as they come; the slow ones begin first.

    `arena` makes what a check gets: it has notes, finish(), account() and clear().
    """
    order = sorted((ALL.index(check) for check in chosen), key=lambda number: not ALL[number].slow)
    pool = multiprocessing.get_context("fork").Pool(jobs, initializer=_end_at_once)
    try:
        for number, *rest in pool.imap_unordered(_judge, [(number, arena, is_ours) for number in order]):
            yield Result(ALL[number], *rest)
        pool.close()
    except BaseException:
        pool.terminate()
        raise
    finally:
        pool.join()


def _end_at_once() -> None:
    """Between two checks a process of the pool has nothing to clear away, and holds the pool's locks."""
    signal.signal(signal.SIGTERM, signal.SIG_DFL)


def _judge(work) -> tuple:
    signal.signal(signal.SIGTERM, lambda number, frame: sys.exit(128 + number))
    try:
        return (work[0], *_run(*work))
    finally:
        _end_at_once()


def _run(number: int, arena: Callable, is_ours: bool) -> tuple:
    """Verdict, seconds, what was seen, and the subject's account."""
    check = ALL[number]
    if check.ours and not is_ours:
        return NOT_APPLICABLE, 0, "only ours has it", ""
    failing = FAIL if is_ours or check.known is None else KNOWN
    begin = time.monotonic()
    case = arena()
    verdict, seen, account = PASS, "", ""
    try:
        check.run(case)
        case.finish()
        notes = list(case.notes) + (["although known to fail"] if failing == KNOWN else [])
        seen = ", ".join(notes)
    except Unavailable as reason:
        verdict, seen = NOT_APPLICABLE, str(reason)
    except Failed as failure:
        verdict, seen, account = failing, str(failure), case.account()
    except Exception as error:      # a refused connection, a record that lacks something
        where = traceback.extract_tb(error.__traceback__)
        place = next((each for each in reversed(where) if "/checks/" in each.filename), where[-1])
        seen = f"{error!r} at {os.path.basename(place.filename)}:{place.lineno} `{place.line}`"
        verdict, account = failing, case.account()
    finally:
        case.clear()
    return verdict, time.monotonic() - begin, seen, account
