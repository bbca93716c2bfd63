"""One check's arena: a directory of its own, the superdaemons that it starts, and every process that comes of them."""

import os
import sys
from dataclasses import dataclass
from typing import Dict, List, Optional, Sequence

from harness import processes
from harness.arena import Arena
from harness.checks import expect, read
from harness.clients import ask
from harness.commands import Outcome
from harness.processes import PATIENCE, eventually
from .daemon import Daemon
from .records import Worker, workers_in

WORKERS = os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "workers")


@dataclass(frozen=True)
class Subject:
    name: str
    path: str
    original: bool


class Case(Arena):
    def __init__(self, subject: Subject) -> None:
        super().__init__("ss-")
        self.subject = subject
        self.records = self.path("records")
        os.mkdir(self.records)
        os.chmod(self.records, 0o777)
        self.pid_file, self.status_file = self.path("pid"), self.path("status")
        self.socket, self.log_file = self.path("socket"), self.path("log")
        self.may_leave_files = False

    @property
    def files(self) -> List[str]:
        return [f"--pid-file={self.pid_file}", f"--status-file={self.status_file}"]

    # Starting

    def worker(self, *behaviour: str) -> List[str]:
        return [sys.executable, "-I", "-S", os.path.join(WORKERS, "worker.py"), self.records, *behaviour]

    def start(
        self, *options: str, worker: Sequence[str] = (), program: Optional[Sequence[str]] = None, interval: str = "0",
        env: Optional[Dict[str, str]] = None, wrapper: Sequence[str] = (), log: Optional[str] = None,
        separator: bool = True, **popen,
    ) -> Daemon:
        """Starts a superdaemon as a child in a session of its own; `worker` is our worker's behaviour."""
        pace = [f"--interval={interval}"] if interval else []
        rest = list(program) if program is not None else self.worker(*worker)
        argv = [*wrapper, self.subject.path, *pace, *options, *(["--"] if separator else []), *rest]
        child, out, err = self.spawn(argv, f"daemon-{len(self.running)}", env, **popen)
        daemon = Daemon(child.pid, log or err, child, out)
        self.running.append(daemon)
        return daemon

    def serving(self, *options: str, **arguments) -> Daemon:
        """Starts a superdaemon and waits for its first worker."""
        daemon = self.start(*options, **arguments)
        daemon.line(r"starting new worker \d+")
        self.generation(1, daemon)
        if self.status_file in " ".join(options):
            daemon.wait(lambda: os.path.exists(self.status_file), "a status file")
        return daemon

    def run(self, *arguments: str, wrapper: Sequence[str] = (), **options) -> Outcome:
        """Runs the subject to its end."""
        return self.finished([*wrapper, self.subject.path, *arguments], **options)

    def refused(self, *options: str, code: Optional[int] = None, lines: int = 1, **arguments) -> Outcome:
        """Tries a start, which has to fail in time with one line, leaving no process."""
        before = set(self.living())
        words = options if "--" in options or "--stop" in options else [*options, "--", *self.worker()]
        outcome = self.run(*words, **arguments)
        right = outcome.code not in (None, 0) if code is None else outcome.code == code
        expect(right, f"{outcome}; expected {'a refusal' if code is None else code}")
        said = [line for line in outcome.err.splitlines() if not line.endswith("starting now...")]
        expect(len(said) == lines, f"expected {lines} line(s) on stderr: {outcome}")
        left = eventually(lambda: not set(self.living()) - before, 2)
        expect(left, f"{outcome}, but it left processes")
        return outcome

    def daemonized(self, *options: str, worker: Sequence[str] = (), interval: str = "0", **arguments) -> Daemon:
        """Starts with --daemonize, which has to succeed; the process that the pid file names."""
        outcome = self.run("--daemonize", f"--interval={interval}", f"--log-file={self.log_file}",
                           f"--pid-file={self.pid_file}", *options, "--", *self.worker(*worker), **arguments)
        expect(outcome.code == 0, str(outcome))
        expect(eventually(lambda: read(self.pid_file).endswith("\n")), f"no pid file after {outcome}")
        daemon = Daemon(int(read(self.pid_file)), self.log_file)
        self.running.append(daemon)
        return daemon

    # Workers

    def workers(self) -> List[Worker]:
        """Every worker that has run so far, by generation."""
        return workers_in(self.records)

    def generation(self, number: int, daemon: Optional[Daemon] = None, seconds: float = PATIENCE) -> Worker:
        """The worker of the generation, as soon as it has written down what it found."""
        def find() -> Optional[Worker]:
            return next((each for each in self.workers() if each.generation == number), None)
        found = eventually(lambda: find() or (daemon is not None and daemon.code() is not None), seconds)
        expect(isinstance(found, Worker), f"no worker of generation {number}; there were {self.workers()}")
        return found

    def ask(self, worker: Worker, key: Optional[str] = None) -> "tuple[int, int]":
        """Generation and pid of whoever answers on the worker's socket of that key, or its only one."""
        return ask(worker.address(key))

    def answered(self, worker: Worker, generation: int, key: Optional[str] = None) -> None:
        """Waits until the generation answers."""
        seen = []
        right = eventually(lambda: seen.append(self.ask(worker, key)[0]) or seen[-1] == generation)
        expect(right, f"generation {generation} never answers, but {sorted(set(seen))}")

    # The end

    def finish(self) -> None:
        """Stops what still runs in the proper way, and finds out whether a process or a file is left."""
        ended_well = True
        for daemon in self.running:
            if daemon.code() is None and processes.alive(daemon.pid):
                daemon.stop()
            ended_well = ended_well and daemon.code() == 0
        eventually(lambda: not self.living(), 2)
        expect(not self.living(), f"processes are left: {self.left()}")
        if self.running and ended_well and not self.may_leave_files:
            self.expect_no_files()

    def expect_no_files(self) -> None:
        names = (os.path.basename(each) for each in (self.pid_file, self.status_file, self.socket))
        prefixes = tuple(names)
        left = [name for name in os.listdir(self.directory) if name.startswith(prefixes)]
        expect(not left, f"files are left: {left}")
