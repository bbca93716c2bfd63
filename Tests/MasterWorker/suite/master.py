"""A running master: its signals, its log, its control socket, its children, its end."""

import re
import subprocess
from typing import List, Optional

from harness import processes
from harness.checks import expect, read
from harness.processes import PATIENCE, eventually
from harness.running import Running
from . import control
from .control import Child, Session, Table


class Master(Running):
    word = "master"
    shown_lines = 30

    def __init__(self, pid: int, log: str, socket: str, pid_file: str, child: Optional[subprocess.Popen] = None,
                 errors: str = "") -> None:
        super().__init__(pid, log, child)
        self.socket = socket
        self.pid_file = pid_file
        self.errors = errors
        """The file with its standard error."""

    # Its log

    def count(self, pattern: str) -> int:
        return len(re.findall(pattern, self.log))

    def says(self, pattern: str, count: int = 1, seconds: float = PATIENCE) -> "re.Match":
        """Waits for the count-th place in the log that matches."""
        eventually(lambda: self.count(pattern) >= count or self.code() is not None, seconds)
        found = list(re.finditer(pattern, self.log))
        expect(len(found) >= count, f"waited for {count} of /{pattern}/ in the log, saw {len(found)}")
        return found[count - 1]

    def ready(self, seconds: float = PATIENCE) -> "Master":
        self.says("Loading success", 1, seconds)
        expect(self.code() is None, f"it ended with {self.code()}: {read(self.errors)}")
        return self

    # Its control socket

    def ask(self, command: str, seconds: float = PATIENCE, path: Optional[str] = None) -> str:
        return control.ask(path or self.socket, command, seconds)

    def answers(self) -> bool:
        return bool(control.VERSION.fullmatch(self.ask("show version")))

    def session(self, path: Optional[str] = None) -> Session:
        return Session(path or self.socket)

    def reload(self, command: str = "reload", seconds: float = PATIENCE) -> str:
        """A reload that has to succeed; its log."""
        answer = self.ask(command, seconds)
        expect(answer.startswith("Success=1\n--\n"), f"{command} answers {answer!r}")
        return answer.partition("--\n")[2]

    def refuses(self, command: str = "reload", seconds: float = PATIENCE) -> str:
        """A reload that has to fail; its log, which holds the reason."""
        answer = self.ask(command, seconds)
        expect(answer.startswith("Success=0\n--\n"), f"{command} answers {answer!r}")
        reason = answer.partition("--\n")[2]
        expect(reason.strip(), "the answer has no reason")
        return reason

    def table(self) -> Table:
        return Table(self.ask("show proc"))

    def children(self) -> List[Child]:
        return control.children(self.ask("show proc json"))

    def current(self, service: Optional[str] = None) -> List[int]:
        """The pids of the newest generation of the service that is ready, or of all services."""
        return sorted(each.pid for each in self.children()
                      if service in (None, each.service) and each.state == "ready")

    def only(self, service: str) -> int:
        """The pid of the service's one current child."""
        return self.wait(lambda: (self.current(service) + [0])[0] if len(self.current(service)) == 1 else 0,
                         f"one child of {service}")

    def failures(self) -> int:
        """How many reloads have failed in a row, as `show proc` says it."""
        found = re.search(r"\[failed: (\d+)\]", self.table().master.reloads)
        return int(found[1]) if found else 0

    # The process

    def blocks_nothing(self) -> bool:
        """Whether its mask is empty; while it starts a process it is not."""
        return eventually(lambda: int(processes.status(self.pid)["SigBlk"], 16) == 0, 2)

    def offspring(self) -> List[int]:
        return processes.children(self.pid)

    def remarks(self, shown: List[str]) -> List[str]:
        said = read(self.errors).splitlines() if self.errors else []
        return [f"stderr: {line}" for line in [each for each in said if each not in shown][-5:]]
