"""Commands that run to their end, and what became of them."""

import os
import signal
import subprocess
from dataclasses import dataclass
from typing import Optional, Sequence, Union

from .checks import Failed
from .processes import spawn

Word = Union[str, bytes]
LIMIT = 60.0


@dataclass(frozen=True)
class Outcome:
    """How a command ended, and what it said."""
    code: Optional[int]
    out: str
    err: str
    seconds: float

    def __str__(self) -> str:
        end = "did not end" if self.code is None else f"ended with {self.code}"
        return f"{end} after {self.seconds:.2f} s, stdout {self.out!r}, stderr {self.err!r}"


@dataclass(frozen=True)
class Result:
    code: int
    """Minus the signal that ended it."""
    output: str
    """Standard output and standard error."""


def run(*command: Word, text: str = "", seconds: float = LIMIT, **popen) -> Result:
    """Runs a command in a session of its own to the end of its output: who leaves a process that holds the pipe, takes
    too long. It is ended as a whole then."""
    process = spawn(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                    encoding="utf-8", errors="replace", start_new_session=True, **popen)
    try:
        output, _ = process.communicate(text, timeout=seconds)
    except BaseException as reason:
        os.killpg(process.pid, signal.SIGKILL)
        process.communicate()
        if not isinstance(reason, subprocess.TimeoutExpired):
            raise
        raise Failed(f"{shown(command)}: its output did not end within {seconds:g} s") from None
    return Result(process.returncode, output)


def must(*command: Word, text: str = "", seconds: float = LIMIT, **popen) -> str:
    """Runs a command that has to succeed; its output."""
    result = run(*command, text=text, seconds=seconds, **popen)
    if result.code != 0:
        raise Failed(f"{shown(command)}: exit status {result.code}: {result.output.strip()[-800:]}")
    return result.output


def shown(command: Sequence[Word]) -> str:
    return " ".join(word if isinstance(word, str) else repr(word) for word in command)
