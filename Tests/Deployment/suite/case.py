"""One check's surroundings: a directory of its own, and processes that end with it."""

from __future__ import annotations

import os
import subprocess
from typing import Callable, Dict, List, Optional

from harness import processes
from harness.arena import Arena
from harness.checks import Check, read, section_of
from harness.processes import TAG
from harness.suites import REPOSITORY


def listed(sentence: str, body: Callable[["Case"], Optional[str]]) -> Check:
    """A check of a module's list, which may make many of one function."""
    return Check(section_of(body), sentence, body)


class Case(Arena):
    def __init__(self, echod: str, start_server: str, masterd: str) -> None:
        super().__init__("deployment-")
        self.echod = echod
        self.start_server = start_server
        self.masterd = masterd
        self._processes: List[subprocess.Popen] = []

    def etc(self, *names: str) -> str:
        return os.path.join(REPOSITORY, "etc", *names)

    def start(self, *command: str, environment: Optional[Dict[str, str]] = None) -> subprocess.Popen:
        """A process that ends with the check; what it says goes to the file `output`."""
        with open(self.path("output"), "ab") as output:
            process = processes.spawn(command, env={**os.environ, TAG: self.tag, **(environment or {})},
                                      stdin=subprocess.DEVNULL, stdout=output, stderr=output, start_new_session=True)
        return self.ends_with_check(process)

    def ends_with_check(self, process: subprocess.Popen) -> subprocess.Popen:
        self._processes.append(process)
        return process

    def start_echod(self, *options: str, environment: Optional[Dict[str, str]] = None) -> subprocess.Popen:
        return self.start(*self.foreground(*options), environment=environment)

    def foreground(self, *options: str) -> List[str]:
        files = [f"--pid-file={self.path('pid')}", f"--log-file={self.path('log')}"]
        return [self.echod, "--foreground", *files, *options]

    def log(self) -> str:
        return read(self.path("log"))

    def clear(self) -> None:
        for process in self._processes:
            processes.end(process)
        super().clear()
