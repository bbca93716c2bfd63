"""One check's arena: a directory of its own, the launchers it starts, and every process that comes of them."""

from __future__ import annotations

import os
import signal
from dataclasses import dataclass, replace
from typing import Mapping, Optional, Sequence, Set

from harness import subreaper
from harness.arena import Arena
from harness.checks import Failed, expect, read, write
from harness.processes import eventually
from . import callers, processes
from .callers import Step, Terminal, describe
from .processes import Process, identity_of
from .subjects import Place, Subject


@dataclass(frozen=True)
class Outcome:
    """How a launcher ended, and what it said."""
    status: Optional[int]
    out: str
    err: str

    @property
    def said(self) -> str:
        return " ".join((self.err or self.out).split())

    def __str__(self) -> str:
        return describe(self.status) + (f", saying '{self.said}'" if self.said else ", silently")


class Case(Arena):
    """It adopts all that the check starts, as init would."""

    def __init__(self, subject: Subject) -> None:
        super().__init__("conformance-")
        subreaper.become_subreaper()
        self.subject = subject
        self.place = self.new_place("run")
        self._strangers: Set[int] = set()
        self._launches = 0

    # Directories and files

    def new_place(self, name: str) -> Place:
        """Another directory in which an instance can live: with the default names, and no file in it."""
        directory, logs = self.path(name), self.path(name + ".log.d")
        os.mkdir(directory)
        os.mkdir(logs)
        return Place(directory, os.path.join(directory, "daemon.pid"), os.path.join(logs, "daemon.log"))

    def write_pid_file(self, content: str) -> None:
        write(self.place.pid_file, content)

    # Starting

    def launch(
        self, *steps: Step, place: Optional[Place] = None, environment: Optional[Mapping[str, str]] = None,
        command: Optional[Sequence[str]] = None,
    ) -> Outcome:
        """Runs the launcher to its end, with files for its standard output and error."""
        self._launches += 1
        out, err = self.path(f"launch-{self._launches}.out"), self.path(f"launch-{self._launches}.err")
        stdio = [os.open("/dev/null", os.O_RDONLY), create(out), create(err)]
        argv = command or self.subject.start(place or self.place)
        launcher = callers.start(argv, steps, stdio, environment)
        for descriptor in stdio:
            os.close(descriptor)
        return Outcome(subreaper.exit_code_of(launcher), read(out), read(err))

    def started(
        self, *steps: Step, place: Optional[Place] = None, environment: Optional[Mapping[str, str]] = None,
    ) -> Process:
        """Starts the daemon, which has to succeed; the process that its pid file names."""
        outcome = self.launch(*steps, place=place, environment=environment)
        expect(outcome.status == 0, str(outcome))
        return self.daemon(place)

    def on_terminal(self) -> "tuple[Terminal, Process]":
        terminal = Terminal(self.subject.start(self.place))
        self._strangers.add(terminal.leader.pid)
        expect(terminal.status == 0, describe(terminal.status))
        return terminal, self.daemon()

    def refused(self, *steps: Step, place: Optional[Place] = None) -> Outcome:
        """Tries a start, which has to fail in time, with a message somewhere, leaving no process."""
        before = self.living()
        outcome = self.launch(*steps, place=place)
        expect(outcome.status is not None and outcome.status > 0, str(outcome))
        expect(outcome.said, "the refusal says nothing")
        alone = eventually(lambda: self.living() <= before)
        expect(alone, f"{outcome}, but a process is left behind")
        return outcome

    def daemon(self, place: Optional[Place] = None) -> Process:
        """The running daemon that the pid file names, as soon as it does."""
        pid_file = (place or self.place).pid_file

        def named() -> Optional[Process]:
            living = self.living()
            pid = pid_in(pid_file)
            if pid in living and self.subject.is_settled(Process(pid)):
                return Process(pid)
            expect(living, f"no process is left, and the pid file holds {content(pid_file)!r}")
            return None

        found = eventually(named)
        expect(found, f"the pid file holds {content(pid_file)!r}, but {sorted(self.living())} run")
        return found

    # Other processes

    def stranger(self) -> Process:
        """A live process that has nothing to do with the subject and keeps every signal it is sent pending."""
        pid = os.fork()
        if pid == 0:
            signal.pthread_sigmask(signal.SIG_BLOCK, callers.all_signals_but())
            while True:
                signal.pause()
        self._strangers.add(pid)
        stranger = Process(pid)
        eventually(lambda: signal.SIGTERM in stranger.signals("SigBlk"))
        return stranger

    def dead_pid(self) -> int:
        """A pid that belonged to a process a moment ago."""
        pid = os.fork()
        if pid == 0:
            os._exit(0)
        os.waitpid(pid, 0)
        return pid

    def living(self) -> Set[int]:
        """The pids of whatever runs because of the subject."""
        return processes.living_descendants(os.getpid()) - self._strangers

    def clear(self) -> None:
        are_gone = subreaper.end_children()
        super().clear()
        if not are_gone:
            raise Failed("a process cannot be killed")


def untouched(stranger: Process) -> None:
    expect(stranger.is_alive, "the foreign process was killed")
    pending = stranger.signals("SigPnd", "ShdPnd")
    expect(not pending, f"the foreign process was sent {sorted(pending)}")


def create(path: str) -> int:
    return os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o600)


def content(path: str) -> Optional[str]:
    """The file's text, or nothing where no regular file is; never waits for a fifo's writer."""
    return read(path) if os.path.isfile(path) else None


def pid_in(path: str) -> int:
    """The number in the pid file, 0 when there is none."""
    text = (content(path) or "").strip()
    return int(text) if text.isascii() and text.isdigit() else 0


def exists(path: str) -> bool:
    return os.path.lexists(path)


__all__ = [
    "Case", "Outcome", "Place", "Process", "content", "create", "describe", "eventually", "exists", "expect",
    "identity_of", "pid_in", "read", "replace", "untouched", "write",
]
