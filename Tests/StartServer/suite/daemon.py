"""A running superdaemon: its signals, its lines, its end."""

import os
import re
import signal
import subprocess
from typing import Callable, List, Optional

from harness import processes
from harness.checks import expect, read
from harness.processes import PATIENCE, Value, eventually


class Daemon:
    def __init__(self, pid: int, messages: str, child: Optional[subprocess.Popen] = None, out: str = "") -> None:
        self.pid = pid
        self.messages = messages
        """The file with its messages: standard error's or the log."""
        self.out = out
        self._child = child

    # Its lines

    @property
    def text(self) -> str:
        return read(self.messages)

    @property
    def lines(self) -> List[str]:
        return self.text.splitlines()

    def matches(self, pattern: str) -> "List[re.Match]":
        """The lines that are exactly the pattern, in order."""
        found = (re.fullmatch(pattern, line) for line in self.lines)
        return [match for match in found if match]

    def line(self, pattern: str, count: int = 1, seconds: float = PATIENCE) -> "re.Match":
        """Waits for the count-th line that is exactly the pattern."""
        def enough() -> bool:
            return len(self.matches(pattern)) >= count
        eventually(lambda: enough() or self.code() is not None, seconds)
        found = self.matches(pattern)
        expect(len(found) >= count, f"waited for line {count} of /{pattern}/, saw {len(found)}")
        return found[count - 1]

    def in_order(self, *patterns: str) -> None:
        """Waits until the lines hold the patterns in this order, others between them allowed."""
        missing: List[str] = []

        def found() -> bool:
            rest, missing[:] = iter(self.lines), []
            for pattern in patterns:
                if not any(re.fullmatch(pattern, line) for line in rest):
                    missing.append(pattern)
                    return False
            return True
        expect(eventually(found), f"the line /{''.join(missing)}/ is missing, or out of order")

    def wait(self, condition: Callable[[], Value], what: str, seconds: float = PATIENCE) -> Value:
        value = eventually(lambda: condition() or self.code() is not None, seconds)
        expect(self.code() is None, f"waited for {what}, but it ended with {self.code()}")
        expect(value, f"waited for {what}")
        return value

    # Signals and the end

    def send(self, number: int) -> None:
        processes.kill(self.pid, number)

    def hup(self) -> None:
        self.send(signal.SIGHUP)

    def reload(self) -> None:
        """One whole round: HUP, until the signal to the old workers is sent."""
        self._settle()
        before = len(self.matches("killing old workers"))
        self.hup()
        self.line("killing old workers", before + 1)

    def _settle(self) -> None:
        """Waits until every worker has got through exec: before it the original's child swallows a signal."""
        own = processes.command(self.pid)
        eventually(lambda: own not in map(processes.command, processes.children(self.pid)), 1)

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
        self._settle()
        self.send(number)
        self.ends(0, seconds)

    def still_runs(self) -> None:
        expect(self.code() is None, f"ended with {self.code()}")

    def reap(self) -> None:
        if self._child is not None:
            self._child.wait()

    def account(self) -> str:
        state = "runs" if self.code() is None else f"ended with {self.code()}"
        lines = self.lines
        if len(lines) > 40:
            lines = lines[:15] + [f"… {len(lines) - 40} lines …"] + lines[-25:]
        more = read(self.out).splitlines()[-5:] if self.out and os.path.exists(self.out) else []
        return "\n".join([f"superdaemon {self.pid} {state}:"] + lines + [f"stdout: {line}" for line in more])
