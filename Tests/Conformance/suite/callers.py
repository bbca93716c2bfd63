"""The caller of a launcher: what it hands down, step by step, and how its launchers are started and awaited."""

from __future__ import annotations

import fcntl
import os
import pty
import resource
import select
import signal
import termios
import time
from typing import Callable, List, Mapping, Optional, Sequence

from harness import subreaper
from harness.processes import PATIENCE
from harness.subreaper import exit_code_of
from .processes import Process, identity_of

Step = Callable[[], object]
"""Something that the caller does between fork and exec, so that the launcher inherits it."""


def blocking(*signals: int) -> Step:
    return lambda: signal.pthread_sigmask(signal.SIG_BLOCK, signals)


def ignoring(*signals: int) -> Step:
    return lambda: [signal.signal(number, signal.SIG_IGN) for number in signals]


def with_umask(mask: int) -> Step:
    return lambda: os.umask(mask)


def inside(directory: str) -> Step:
    return lambda: os.chdir(directory)


def inside_deleted(directory: str) -> Step:
    def step() -> None:
        os.mkdir(directory)
        os.chdir(directory)
        os.rmdir(directory)
    return step


def holding(path: str, *numbers: int) -> Step:
    """Leaves the file open under the given descriptors, as sloppy callers do."""
    def step() -> None:
        source = fcntl.fcntl(os.open(path, os.O_RDWR | os.O_CREAT, 0o600), fcntl.F_DUPFD_CLOEXEC, max(numbers) + 1)
        for number in numbers:
            os.dup2(source, number)
    return step


def closing(*numbers: int) -> Step:
    return lambda: [os.close(number) for number in numbers]


def limited_to(descriptors: int) -> Step:
    """Sets RLIMIT_NOFILE, to what the hard limit allows where the caller may not raise it."""
    def step() -> None:
        try:
            resource.setrlimit(resource.RLIMIT_NOFILE, (descriptors, descriptors))
        except ValueError:
            hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
            resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    return step


def with_small_files(limit: int) -> Step:
    """Sets RLIMIT_FSIZE: who writes behind it gets SIGXFSZ."""
    return lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))


def after(gate: int) -> Step:
    """Waits until the other end of the pipe is closed: many launchers leave at one moment."""
    return lambda: os.read(gate, 1)


def start(
    argv: Sequence[str], steps: Sequence[Step] = (), stdio: Optional[Sequence[int]] = None,
    environment: Optional[Mapping[str, str]] = None,
) -> int:
    """Forks and executes the command with a clean signal state, changed by the steps; its pid."""
    pid = os.fork()
    if pid == 0:
        try:
            _become(argv, steps, stdio, os.environ if environment is None else environment)
        except Exception as error:
            os.write(2, f"the suite cannot start {argv[0]}: {error!r}".encode())
        finally:
            os._exit(127)
    subreaper.exits.pop(pid, None)      # of an earlier process with the same pid
    return pid


def _become(argv: Sequence[str], steps: Sequence[Step], stdio: Optional[Sequence[int]], environment: Mapping) -> None:
    _reset_signals()
    os.umask(0o022)
    for number, descriptor in enumerate(stdio or ()):
        os.dup2(descriptor, number)
    for step in steps:
        step()
    os.execve(argv[0], list(argv), dict(environment))


def _reset_signals() -> None:
    """Python ignores SIGPIPE and SIGXFSZ, and the suite's own caller may have ignored others."""
    for number in signal.valid_signals() - {signal.SIGKILL, signal.SIGSTOP}:
        signal.signal(number, signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_SETMASK, ())


def exit_codes(pids: Sequence[int], seconds: float = PATIENCE) -> List[Optional[int]]:
    """The exit codes of many launchers, all within the one time."""
    deadline = time.monotonic() + seconds
    return [exit_code_of(pid, max(0.0, deadline - time.monotonic())) for pid in pids]


def read_to_end(descriptor: int, seconds: float = PATIENCE) -> Optional[bytes]:
    """What comes through the pipe until nobody holds its other end; nothing when somebody still does."""
    deadline = time.monotonic() + seconds
    received = b""
    while select.select([descriptor], [], [], max(0.0, deadline - time.monotonic()))[0]:
        chunk = os.read(descriptor, 65536)
        if not chunk:
            return received
        received += chunk
    return None


class Terminal:
    """A pseudo terminal and the leader of its session: a login shell, as far as a daemon can tell."""

    def __init__(self, argv: Sequence[str]) -> None:
        """Starts the command in the terminal's session and foreground group; `status` is its exit code."""
        self._master, slave = pty.openpty()
        self.identity = identity_of(slave)
        report, sender = os.pipe()
        self.leader = Process(self._fork_leader(argv, slave, sender))
        os.close(slave)
        os.close(sender)
        text = read_to_end(report)
        os.close(report)
        self.status: Optional[int] = int(text) if text else None

    def _fork_leader(self, argv: Sequence[str], slave: int, sender: int) -> int:
        pid = os.fork()
        if pid == 0:
            try:
                self._lead(argv, slave, sender)
            finally:
                os._exit(127)
        return pid

    def _lead(self, argv: Sequence[str], slave: int, sender: int) -> None:
        os.setsid()
        fcntl.ioctl(slave, termios.TIOCSCTTY, 0)
        os.close(self._master)
        _reset_signals()
        launcher = start(argv, stdio=(slave, slave, slave))
        status = exit_code_of(launcher)
        os.write(sender, b"" if status is None else str(status).encode())
        os.close(sender)
        signal.pause()

    def hang_up(self) -> bool:
        """Takes the line away: the kernel sends SIGHUP to the leader and, when it ends, to the foreground group."""
        os.close(self._master)
        return self.leader.has_ended()


def describe(status: Optional[int]) -> str:
    if status is None:
        return "the launcher hangs"
    return f"the launcher died by signal {-status}" if status < 0 else f"the launcher exits {status}"


def all_signals_but(*kept: int) -> List[int]:
    """Every signal that can be ignored or blocked, without the given ones."""
    return sorted(signal.valid_signals() - {signal.SIGKILL, signal.SIGSTOP, *kept})
