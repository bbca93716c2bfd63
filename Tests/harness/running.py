"""A program under test that runs: its signals and its end."""

import signal
import subprocess
from typing import Callable, List, Optional

from . import processes
from .checks import expect, read
from .processes import PATIENCE, Value, eventually


class Running:
    word = "process"
    """What an account calls it."""
    shown_lines = 40

    def __init__(self, pid: int, log_file: str, child: Optional[subprocess.Popen] = None) -> None:
        self.pid = pid
        self.log_file = log_file
        """The file with its messages."""
        self._child = child

    @property
    def log(self) -> str:
        return read(self.log_file)

    def wait(self, condition: Callable[[], Value], what: str, seconds: float = PATIENCE) -> Value:
        value = eventually(lambda: condition() or self.code() is not None, seconds)
        expect(self.code() is None, f"waited for {what}, but it ended with {self.code()}")
        expect(value, f"waited for {what}")
        return value

    def send(self, number: int) -> None:
        processes.kill(self.pid, number)

    def code(self) -> Optional[int]:
        """The exit code, minus the signal that ended it; 0 for one that is not our child and has gone."""
        if self._child is None:
            return None if processes.alive(self.pid) else 0
        return self._child.poll()

    def ends(self, code: Optional[int] = 0, seconds: float = PATIENCE) -> None:
        """Waits for the end."""
        expect(eventually(lambda: self.code() is not None, seconds), f"has not ended within {seconds:g} s")
        expect(code is None or self.code() == code, f"ended with {self.code()}, not {code}")

    def stop(self, number: int = signal.SIGTERM, seconds: float = PATIENCE) -> None:
        """The proper stop, which has to end it with 0."""
        self.send(number)
        self.ends(0, seconds)

    def still_runs(self) -> None:
        expect(self.code() is None, f"ended with {self.code()}")

    def reap(self) -> None:
        if self._child is not None:
            self._child.wait()

    def account(self) -> str:
        """What it said, for a failed check: the beginning and the end."""
        state = "runs" if self.code() is None else f"ended with {self.code()}"
        lines, most = self.log.splitlines(), self.shown_lines
        if len(lines) > most:
            lines = lines[:most // 3] + [f"… {len(lines) - most} lines …"] + lines[most // 3 - most:]
        return "\n".join([f"{self.word} {self.pid} {state}:", *lines, *self.remarks(lines)])

    def remarks(self, shown: List[str]) -> List[str]:
        """What it said elsewhere."""
        return []
