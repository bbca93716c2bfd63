"""The subjects: for each daemonizing program its command lines, and what it does not promise by its nature."""

from __future__ import annotations

import os
import shutil
import sys
from dataclasses import dataclass
from typing import Dict, List, Optional, Sequence

from harness import commands
from harness.checks import Failed, NotApplicable
from harness.suites import REPOSITORY
from .processes import Process

PEERS = os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "peers")
SLEEP = "/bin/sleep"


class Missing(Exception):
    """The subject cannot be tried on this machine; the text says why."""


@dataclass(frozen=True)
class Place:
    """Where an instance lives: a directory for its sockets or lock files, its pid file and its log file."""
    directory: str
    pid_file: str
    log_file: str


class Subject:
    """One daemonizing program. `lacks` names the promises it does not make, each with the reason."""
    name = ""
    lacks: Dict[str, str] = {}

    def prepare(self, cache: str) -> None:
        """Finds or builds the program; raises Missing."""

    def expect_promise(self, needs: Sequence[str]) -> None:
        for need in needs:
            if need in self.lacks:
                raise NotApplicable(self.lacks[need])

    def start(self, place: Place) -> List[str]:
        raise NotImplementedError

    def stop(self, place: Place) -> List[str]:
        raise NotImplementedError

    def status(self, place: Place) -> List[str]:
        raise NotImplementedError

    def is_settled(self, process: Process) -> bool:
        """Whether the start-up is over, as far as the subject can know: a program starter is over at its exec."""
        return True


class Echod(Subject):
    """DaemonKit's own example daemon, which stands for every daemon built on DaemonKit."""
    name = "echod"

    def __init__(self, path: Optional[str]) -> None:
        self._path = path

    def prepare(self, cache: str) -> None:
        candidates = [self._path] if self._path else [
            os.path.join(REPOSITORY, ".build", configuration, "echod") for configuration in ("debug", "release")]
        built = [path for path in candidates if os.access(path, os.X_OK)]
        if not built:
            raise Missing(f"no executable {' or '.join(candidates)}; build it with `swift build`")
        self._path = os.path.abspath(max(built, key=os.path.getmtime))

    def start(self, place: Place) -> List[str]:
        return [self._path, "-b", f"unix:{place.directory}/sock", *self._files(place)]

    def stop(self, place: Place) -> List[str]:
        return [self._path, "--stop", *self._files(place)]

    def status(self, place: Place) -> List[str]:
        return [self._path, "--status", *self._files(place)]

    def _files(self, place: Place) -> List[str]:
        return ["--pid-file", place.pid_file, "--log-file", place.log_file]


class ProgramStarter(Subject):
    """Daemonizes any program; here /bin/sleep, which keeps all that it was started with."""
    command = ""
    lacks = {
        "reopening": "the started program decides about SIGHUP",
        "hangup": "the started program decides about SIGHUP",
        "cleaning up": "the starter is gone when the program ends",
    }

    def prepare(self, cache: str) -> None:
        if not os.access(self.command, os.X_OK):
            raise Missing(f"no {self.command}; install Debian's package {os.path.basename(self.command)}")

    def is_settled(self, process: Process) -> bool:
        return process.executable == os.path.realpath(SLEEP)


class StartStopDaemon(ProgramStarter):
    name = "start-stop-daemon"
    command = "/sbin/start-stop-daemon"

    def start(self, place: Place) -> List[str]:
        return [self.command, "--start", "--background", "--make-pidfile", *self._match(place),
                "--output", place.log_file, "--", "infinity"]

    def stop(self, place: Place) -> List[str]:
        return [self.command, "--stop", "--remove-pidfile", "--retry", "5", *self._match(place)]

    def status(self, place: Place) -> List[str]:
        return [self.command, "--status", *self._match(place)]

    def _match(self, place: Place) -> List[str]:
        return ["--pidfile", place.pid_file, "--exec", SLEEP]


class Daemonize(ProgramStarter):
    name = "daemonize"
    command = "/usr/bin/daemonize"
    lacks = {
        **ProgramStarter.lacks,
        "stopping": "no option to stop",
        "status": "no option for the status",
    }

    def start(self, place: Place) -> List[str]:
        return [self.command, "-p", place.pid_file, "-l", f"{place.directory}/lock",
                "-a", "-o", place.log_file, "-e", place.log_file, SLEEP, "infinity"]


class Libdaemon(Subject):
    """A small C daemon on libdaemon, compiled here."""
    name = "libdaemon"
    lacks = {
        "log": "logs to syslog",
        "reopening": "logs to syslog",
        "status": "no function for the LSB codes",
    }

    def prepare(self, cache: str) -> None:
        compiler = shutil.which("cc") or shutil.which("gcc")
        if not compiler:
            raise Missing("no C compiler")
        self._path = os.path.join(cache, "libdaemon_peer")
        source = os.path.join(PEERS, "libdaemon_peer.c")
        if not is_newer(self._path, source):
            run([compiler, "-O2", "-Wall", "-o", self._path, source, "-ldaemon"], "libdaemon-dev missing?", 60)

    def start(self, place: Place) -> List[str]:
        return [self._path, place.pid_file]

    def stop(self, place: Place) -> List[str]:
        return [self._path, "-k", place.pid_file]


class PythonDaemon(Subject):
    """A small Python daemon on PyPI's python-daemon, installed here into a virtual environment."""
    name = "python-daemon"
    lacks = {
        "reopening": "the library opens no log of its own",
        "stopping": "the library has no function to stop",
        "status": "the library has no function for the status",
    }

    def prepare(self, cache: str) -> None:
        environment = os.path.join(cache, "python-daemon")
        self._python = os.path.join(environment, "bin", "python")
        complete = os.path.join(environment, "complete")
        if os.path.exists(complete):
            return
        run([sys.executable, "-m", "venv", environment], "no venv module?", 60)
        run([self._python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--retries", "1",
             "--timeout", "10", "python-daemon"], "PyPI not reachable?", 90)
        open(complete, "w", encoding="utf-8").close()

    def start(self, place: Place) -> List[str]:
        return [self._python, os.path.join(PEERS, "python_daemon_peer.py"), place.pid_file, place.log_file]


def run(command: List[str], hint: str, seconds: float) -> None:
    """Runs a build step; raises Missing with its last words."""
    try:
        done = commands.run(*command, seconds=seconds)
    except (OSError, Failed) as error:
        raise Missing(f"{error} ({hint})") from error
    if done.code != 0:
        words = done.output.strip().splitlines() or ["no message"]
        raise Missing(f"{words[-1]} ({hint})")


def is_newer(path: str, source: str) -> bool:
    return os.path.exists(path) and os.path.getmtime(path) > os.path.getmtime(source)


def all_subjects(echod: Optional[str]) -> List[Subject]:
    return [Echod(echod), StartStopDaemon(), Daemonize(), Libdaemon(), PythonDaemon()]
