"""Runs checks, several at a time."""

import time
import traceback
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Iterator, List

from .case import Case, Subject, Unavailable
from .daemon import Failed
from .registry import Check

PASS, FAIL, KNOWN, NOT_APPLICABLE = "pass", "FAIL", "known", "n.a."


@dataclass(frozen=True)
class Result:
    check: Check
    verdict: str
    seconds: float
    seen: str = ""
    """Why it failed or could not be tried; figures of one that passed."""
    account: str = ""
    surprise: bool = field(default=False)
    """It passed although the subject is known to fail it."""


def run(subject: Subject, checks: List[Check], jobs: int) -> Iterator[Result]:
    """The results in the order of the checks. The slow ones start first."""
    with ThreadPoolExecutor(max_workers=jobs) as pool:
        order = sorted(checks, key=lambda check: not check.slow)
        futures = {check: pool.submit(judge, subject, check) for check in order}
        try:
            for check in checks:
                yield futures[check].result()
        finally:
            for future in futures.values():
                future.cancel()


def judge(subject: Subject, check: Check) -> Result:
    if check.ours and subject.original:
        return Result(check, NOT_APPLICABLE, 0, "only ours has it")
    begin = time.monotonic()
    case = Case(subject)
    known = subject.original and check.known is not None
    verdict, seen, account = PASS, "", ""
    try:
        check.run(case)
        case.finish()
        seen = ", ".join(case.notes)
    except Unavailable as reason:
        verdict, seen = NOT_APPLICABLE, str(reason)
    except Failed as failure:
        verdict, seen, account = KNOWN if known else FAIL, str(failure), case.account()
    except Exception as error:      # a refused connection, a worker's record that lacks something
        where = traceback.extract_tb(error.__traceback__)
        place = next((each for each in reversed(where) if "/checks/" in each.filename), where[-1])
        seen = f"{error!r} at {place.filename.rsplit('/', 1)[-1]}:{place.lineno} `{place.line}`"
        verdict, account = KNOWN if known else FAIL, case.account()
    finally:
        case.clear()
    return Result(check, verdict, time.monotonic() - begin, seen, account, known and verdict == PASS)
