"""A running superdaemon: its signals, its lines, its end."""

import re
import signal
import subprocess
from typing import List, Optional

from harness import processes
from harness.checks import expect, read
from harness.processes import PATIENCE, eventually
from harness.running import Running


class Daemon(Running):
    word = "superdaemon"

    def __init__(self, pid: int, messages: str, child: Optional[subprocess.Popen] = None, out: str = "") -> None:
        """`messages` is standard error's file or the log."""
        super().__init__(pid, messages, child)
        self.out = out

    # Its lines

    @property
    def lines(self) -> List[str]:
        return self.log.splitlines()

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

    # Signals and the end

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

    def stop(self, number: int = signal.SIGTERM, seconds: float = PATIENCE) -> None:
        self._settle()
        super().stop(number, seconds)

    def remarks(self, shown: List[str]) -> List[str]:
        return [f"stdout: {line}" for line in read(self.out).splitlines()[-5:]] if self.out else []
