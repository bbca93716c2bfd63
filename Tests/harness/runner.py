"""Runs checks, several at a time, each in a process of its own."""

import json
import os
import select
import signal
import sys
import time
import traceback
from typing import Callable, Iterator, List, Sequence, Tuple

from .checks import Check, Failed, NotApplicable, Unavailable
from .reports import FAIL, KNOWN, NOT_APPLICABLE, PASS, SKIPPED, Result

LIMIT = 300
"""Seconds after which a check is given up: far more than all of its own limits."""
ENDS = (signal.SIGTERM, signal.SIGINT)
"""What ends a suite, and its checks through their clean-up."""


def run(chosen: Sequence[Check], arena: Callable, jobs: int, is_ours: bool = True) -> Iterator[Result]:
    """The results of the checks as they come; the slow ones begin first.

    `arena` makes what a check gets: it has a directory, notes, finish(), account() and clear().
    """
    waiting = sorted(chosen, key=lambda check: not check.slow)
    running: List[_Process] = []
    try:
        while waiting or running:
            while waiting and len(running) < jobs:
                # Until it is known here, and has an arena that can be cleared.
                signal.pthread_sigmask(signal.SIG_BLOCK, ENDS)
                running.append(_Process(waiting.pop(0), arena, is_ours))
                signal.pthread_sigmask(signal.SIG_UNBLOCK, ENDS)
            for each in select.select(running, [], [])[0]:
                if each.has_ended():
                    running.remove(each)
                    yield each.result()
    finally:
        for each in running:
            each.give_up()


def attempt(body: Callable[[], object]) -> Tuple[str, str]:
    """Verdict of what a check does, and what was seen; what it returns is worth showing."""
    try:
        return PASS, str(body() or "")
    except NotApplicable as reason:
        return NOT_APPLICABLE, str(reason)
    except Unavailable as reason:
        return SKIPPED, str(reason)
    except Failed as failure:
        return FAIL, str(failure)
    except Exception as error:      # a refused connection, a record that lacks something, a subject that vanishes
        where = traceback.extract_tb(error.__traceback__)
        place = next((each for each in reversed(where) if "/checks/" in each.filename), where[-1])
        said = str(error) if isinstance(error, AssertionError) and str(error) else repr(error)
        return FAIL, f"{said} at {os.path.basename(place.filename)}:{place.lineno} `{place.line}`"


class _Overdue(BaseException):
    """No check takes this for an error of its subject."""


class _Process:
    """A check under way, and the pipe that brings its result: one line."""

    def __init__(self, check: Check, arena: Callable, is_ours: bool) -> None:
        self._check = check
        self._received = b""
        self._pipe, writer = os.pipe()
        sys.stdout.flush()
        self._pid = os.fork()
        if self._pid == 0:
            _judge_and_exit(check, arena, is_ours, writer)
        os.close(writer)

    def fileno(self) -> int:
        return self._pipe

    def has_ended(self) -> bool:
        """Takes what has come. Without a line the process has ended before its check."""
        chunk = os.read(self._pipe, 65536)
        self._received += chunk
        return not chunk or self._received.endswith(b"\n")

    def result(self) -> Result:
        os.close(self._pipe)
        status = os.waitpid(self._pid, 0)[1]
        if not self._received.endswith(b"\n"):
            return Result(self._check, FAIL, 0, f"the check itself came to no end: wait status {status}")
        return Result(self._check, *json.loads(self._received))

    def give_up(self) -> None:
        """It clears its arena first."""
        os.kill(self._pid, signal.SIGTERM)
        os.close(self._pipe)
        os.waitpid(self._pid, 0)


def _judge_and_exit(check: Check, arena: Callable, is_ours: bool, writer: int) -> None:
    code = 1
    try:
        for number in ENDS:
            signal.signal(number, lambda number, frame: sys.exit(128 + number))
        signal.signal(signal.SIGALRM, _is_overdue)
        os.write(writer, json.dumps(_judged(check, arena, is_ours)).encode() + b"\n")
        code = 0
    except SystemExit:
        pass
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        os._exit(code)


def _is_overdue(*_: object) -> None:
    raise _Overdue(f"not done within {LIMIT} s")


def _judged(check: Check, arena: Callable, is_ours: bool) -> Tuple[str, float, str, str]:
    """Verdict, seconds, what was seen, and the subject's account."""
    if check.ours and not is_ours:
        return NOT_APPLICABLE, 0, "only ours has it", ""
    begin = time.monotonic()
    case = arena()

    def body() -> str:
        said = check.run(case)
        case.finish()
        return ", ".join(case.notes + ([said] if isinstance(said, str) and said else []))
    try:
        signal.pthread_sigmask(signal.SIG_UNBLOCK, ENDS)
        signal.alarm(LIMIT)
        try:
            verdict, seen = attempt(body)
        except _Overdue as overdue:
            verdict, seen = FAIL, str(overdue)
        signal.alarm(0)
        seen = seen.replace(case.directory, "...")
        account = case.account() if verdict == FAIL else ""
    finally:
        signal.alarm(0)
        for number in ENDS:
            signal.signal(number, signal.SIG_IGN)
        case.clear()
    if check.known is not None and not is_ours:
        verdict, seen = (KNOWN, seen) if verdict == FAIL else (verdict, f"{seen}, although known to fail".lstrip(", "))
    return verdict, time.monotonic() - begin, seen, account
