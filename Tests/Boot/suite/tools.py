"""Commands of this machine, and waiting."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from typing import Callable, Optional, Sequence, TypeVar

Value = TypeVar("Value")


class Failure(Exception):
    """What did not hold."""


def run(command: Sequence[str], limit: float = 60, check: bool = True, **options) -> subprocess.CompletedProcess:
    """Runs a command in a session of its own, ended as a whole when it takes too long; its output is one text."""
    process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                               encoding="utf-8", errors="replace", start_new_session=True, **options)
    try:
        output, _ = process.communicate(timeout=limit)
    except BaseException as reason:
        os.killpg(process.pid, signal.SIGKILL)
        process.communicate()
        if not isinstance(reason, subprocess.TimeoutExpired):
            raise
        raise Failure(f"{' '.join(command)}: not done within {limit:.0f} s") from None
    if check and process.returncode != 0:
        raise Failure(f"{' '.join(command)}: exit status {process.returncode}: {output.strip()[-800:]}")
    return subprocess.CompletedProcess(command, process.returncode, output)


def wait_for(what: str, condition: Callable[[], Optional[Value]], limit: float = 30, pause: float = 0.05) -> Value:
    """The condition's first true value."""
    deadline = time.monotonic() + limit
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > deadline:
            raise Failure(f"not within {limit:.0f} s: {what}")
        time.sleep(pause)


def require(holds: object, otherwise: str) -> None:
    if not holds:
        raise Failure(otherwise)
