"""A running master: its signals, its log, its control socket, its children, its end."""

import re
import signal
import subprocess
from typing import Callable, List, Optional

from harness import processes
from harness.checks import expect, read
from harness.processes import PATIENCE, Value, eventually
from . import control
from .control import Child, Session, Table


class Master:
    def __init__(self, pid: int, log: str, socket: str, pid_file: str, child: Optional[subprocess.Popen] = None,
                 errors: str = "") -> None:
        self.pid = pid
        self.log_file = log
        self.socket = socket
        self.pid_file = pid_file
        self.errors = errors
        """The file with its standard error."""
        self._child = child

    # Its log

    @property
    def log(self) -> str:
        return read(self.log_file)

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

    def wait(self, condition: Callable[[], Value], what: str, seconds: float = PATIENCE) -> Value:
        value = eventually(lambda: condition() or self.code() is not None, seconds)
        expect(self.code() is None, f"waited for {what}, but it ended with {self.code()}")
        expect(value, f"waited for {what}")
        return value

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

    # Signals and the end

    def send(self, number: int) -> None:
        processes.kill(self.pid, number)

    def blocks_nothing(self) -> bool:
        """Whether its mask is empty; while it starts a process it is not."""
        return eventually(lambda: int(processes.status(self.pid)["SigBlk"], 16) == 0, 2)

    def code(self) -> Optional[int]:
        """The exit code, minus the signal that ended it; 0 for one that is not our child and has gone."""
        if self._child is None:
            return None if processes.alive(self.pid) else 0
        return self._child.poll()

    def ends(self, code: Optional[int] = 0, seconds: float = PATIENCE) -> None:
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

    def offspring(self) -> List[int]:
        return processes.children(self.pid)

    def account(self) -> str:
        state = "runs" if self.code() is None else f"ended with {self.code()}"
        lines = self.log.splitlines()
        if len(lines) > 30:
            lines = lines[:8] + [f"… {len(lines) - 30} lines …"] + lines[-22:]
        more = [line for line in read(self.errors).splitlines() if line not in lines][-5:] if self.errors else []
        return "\n".join([f"master {self.pid} {state}:"] + lines + [f"stderr: {line}" for line in more])
