"""One check's surroundings: a directory of its own, processes that end with it, and the words to judge by."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import tempfile
import time
from typing import Callable, Dict, List, NamedTuple, Optional

from harness.checks import Unavailable
from .report import FAIL, OK, SKIP, Verdict

LIMIT = 30.0


class Check(NamedTuple):
    name: str
    body: Callable[["Case"], Optional[str]]


class Result(NamedTuple):
    code: int
    output: str
    """Standard output and standard error."""


class Case:
    def __init__(self, echod: str, start_server: str, masterd: str, repository: str) -> None:
        self.echod = echod
        self.start_server = start_server
        self.masterd = masterd
        self.repository = repository
        self.directory = ""
        self._processes: List[subprocess.Popen] = []

    def judge(self, check: Check) -> Verdict:
        self.directory = tempfile.mkdtemp(prefix="deployment-")
        try:
            return Verdict(OK, check.body(self) or "")
        except Unavailable as reason:
            return Verdict(SKIP, str(reason))
        except (AssertionError, OSError, subprocess.SubprocessError) as failure:
            return Verdict(FAIL, str(failure) or type(failure).__name__)
        finally:
            for process in self._processes:
                end(process)
            shutil.rmtree(self.directory, ignore_errors=True)

    def path(self, *names: str) -> str:
        return os.path.join(self.directory, *names)

    def etc(self, *names: str) -> str:
        return os.path.join(self.repository, "etc", *names)

    def write(self, name: str, text: str) -> str:
        with open(self.path(name), "w", encoding="utf-8") as file:
            file.write(text)
        return self.path(name)

    def start(self, *command: str, environment: Optional[Dict[str, str]] = None) -> subprocess.Popen:
        """A process that ends with the check; what it says goes to the file `output`."""
        with open(self.path("output"), "ab") as output:
            process = subprocess.Popen(command, env={**os.environ, **(environment or {})}, stdin=subprocess.DEVNULL,
                                       stdout=output, stderr=output, start_new_session=True)
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


def run(*command: str, text: str = "", environment: Optional[Dict[str, str]] = None) -> Result:
    """Runs to the end of its output: who leaves a daemon behind that holds the pipe, runs into the limit."""
    process = subprocess.Popen(command, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                               stderr=subprocess.STDOUT, encoding="utf-8", errors="replace", start_new_session=True)
    try:
        output, _ = process.communicate(text, timeout=LIMIT)
    except subprocess.TimeoutExpired:
        process.kill()
        raise AssertionError(f"{' '.join(command)}: its output did not end within {LIMIT:.0f} s") from None
    return Result(process.returncode, output)


def end(process: subprocess.Popen) -> None:
    """Asks, then insists; only what is not reaped yet."""
    for number in (signal.SIGTERM, signal.SIGKILL):
        if process.poll() is not None:
            return
        process.send_signal(number)
        try:
            process.wait(timeout=10)
        except subprocess.TimeoutExpired:
            pass


def wait_for(what: str, condition: Callable[[], object], limit: float = LIMIT) -> object:
    """The condition's first true value."""
    deadline = time.monotonic() + limit
    while True:
        value = condition()
        if value:
            return value
        assert time.monotonic() < deadline, f"not within {limit:.0f} s: {what}"
        time.sleep(0.01)


def needs(tool: str) -> str:
    found = shutil.which(tool, path=os.environ.get("PATH", "") + ":/usr/sbin:/sbin")
    if not found:
        raise Unavailable(f"{tool} is not installed")
    return found


def read(path: str) -> str:
    try:
        with open(path, encoding="utf-8") as file:
            return file.read()
    except FileNotFoundError:
        return ""


def expect_equal(what: str, found: object, expected: object) -> None:
    assert found == expected, f"{what}: expected {expected!r}, found {found!r}"


def expect_in(part: str, text: str) -> None:
    assert part in text, f"{part!r} is not in {text!r}"
