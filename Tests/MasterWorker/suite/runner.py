"""Runs checks, several at a time, each in one of a few processes."""

import multiprocessing
import os
import signal
import sys
import time
import traceback
from dataclasses import dataclass
from typing import Iterator, List, Type

from . import registry
from .case import Case
from .failure import Failed, Unavailable

PASS, FAIL, NOT_APPLICABLE = "pass", "FAIL", "n.a."


@dataclass(frozen=True)
class Result:
    name: str
    verdict: str
    seconds: float
    seen: str = ""
    """Why it failed or could not be tried; figures of one that passed."""
    account: str = ""

    def line(self) -> str:
        """A failing check's line is followed by what the subject said."""
        text = f"{self.verdict:5} {self.name}"
        text += f" [{self.seconds:.1f} s]" if self.seconds >= 3 else ""
        text += f": {self.seen}" if self.seen else ""
        return text + "".join(f"\n        | {each}" for each in self.account.splitlines())


def run(chosen: List[int], binaries: str, jobs: int, arena: Type[Case] = Case) -> Iterator[Result]:
    """The results of the checks with these numbers, as they come; the slow ones begin first."""
    order = sorted(chosen, key=lambda number: not registry.ALL[number].slow)
    work = [(number, binaries, arena) for number in order]
    pool = multiprocessing.get_context("fork").Pool(jobs, initializer=_end_at_once)
    try:
        yield from pool.imap_unordered(_judge, work)
        pool.close()
    except BaseException:
        pool.terminate()
        raise
    finally:
        pool.join()


def _end_at_once() -> None:
    """Between two checks a process of the pool has nothing to clear away, and holds the pool's locks."""
    signal.signal(signal.SIGTERM, signal.SIG_DFL)


def _judge(work) -> Result:
    signal.signal(signal.SIGTERM, lambda number, frame: sys.exit(128 + number))
    try:
        return _run(*work)
    finally:
        _end_at_once()


def _run(number: int, binaries: str, arena: Type[Case]) -> Result:
    check = registry.ALL[number]
    begin = time.monotonic()
    case = arena(binaries)
    verdict, seen, account = PASS, "", ""
    try:
        check.run(case)
        case.finish()
        seen = ", ".join(case.notes)
    except Unavailable as reason:
        verdict, seen = NOT_APPLICABLE, str(reason)
    except Failed as failure:
        verdict, seen, account = FAIL, str(failure), case.account()
    except Exception as error:      # a refused connection, a record that lacks something
        where = traceback.extract_tb(error.__traceback__)
        place = next((each for each in reversed(where) if "/checks/" in each.filename), where[-1])
        seen = f"{error!r} at {os.path.basename(place.filename)}:{place.lineno} `{place.line}`"
        verdict, account = FAIL, case.account()
    finally:
        case.clear()
    return Result(check.name, verdict, time.monotonic() - begin, seen, account)
