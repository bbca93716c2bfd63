"""Starts a daemon, holds one task of the start (a process or a thread) at its birth, and hands it to strace.

strace counts `when=N` in each task from its own beginning. Under `strace -f` the N-th openat would therefore fail in
the launcher too (there it belongs to ld.so, or comes first), and no fault would ever reach the daemon alone. So this
module follows the births itself, by ptrace(2)'s events only, stops the wanted task before its first instruction, lets
all others go, and strace attaches to that one, and to nobody else.
"""

import ctypes
import os
import signal
import subprocess
from typing import Dict, List, Optional, Set, Tuple

from harness import subreaper
from harness.subreaper import exit_code, exit_code_of, libc

libc.ptrace.argtypes = [ctypes.c_long, ctypes.c_int, ctypes.c_void_p, ctypes.c_void_p]
libc.ptrace.restype = ctypes.c_long

PTRACE_CONT, PTRACE_DETACH, PTRACE_GETEVENTMSG, PTRACE_SEIZE, PTRACE_INTERRUPT = 7, 17, 0x4201, 0x4206, 0x4207
TRACE_FORK, TRACE_VFORK, TRACE_CLONE, TRACE_EXEC = 2, 4, 8, 16
FORK, VFORK, CLONE, EXEC = 1, 2, 3, 4
WALL = 0x40000000
PATIENCE = 20
"""Seconds until the wanted task must be born."""


class NotHeld(Exception):
    """The start ended, or took too long, before the wanted task was born."""


def start_held(command: List[str], environment: Dict[str, str], directory: str, birth: int) -> "HeldStart":
    """Runs the command as a child of ours up to the birth of that number, whose task is stopped there.

    Birth 0 is the exec(2) of the command; then the forks and threads of all its processes count, as they come.
    """
    gate, opener = os.pipe()
    # What came of earlier starts, of which a pid may come again.
    subreaper.exits.clear()
    launcher = os.fork()
    if launcher == 0:
        execute(command, environment, directory, gate)
    os.close(gate)
    ptrace(PTRACE_SEIZE, launcher, TRACE_FORK | TRACE_VFORK | TRACE_CLONE | TRACE_EXEC)
    os.write(opener, b"g")
    os.close(opener)
    signal.signal(signal.SIGALRM, too_late)
    signal.alarm(PATIENCE)
    try:
        births = Births(launcher)
        return HeldStart(launcher, births.hold(birth), births.launcher_exit)
    finally:
        signal.alarm(0)


def too_late(*_: object) -> None:
    raise NotHeld(f"no such task was born within {PATIENCE} s")


def execute(command: List[str], environment: Dict[str, str], directory: str, gate: int) -> None:
    """In the child: waits until it is traced, then becomes the command. Does not return."""
    try:
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
        for number, name in ((1, "stdout"), (2, "stderr")):
            os.dup2(os.open(os.path.join(directory, name), os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), number)
        os.read(gate, 1)
        os.execve(command[0], command, environment)
    finally:
        os._exit(127)


def ptrace(request: int, pid: int, data: int = 0) -> None:
    if libc.ptrace(request, pid, None, data) == -1:
        raise OSError(ctypes.get_errno(), f"ptrace request {request:#x} of process {pid}")


class Births:
    """The tasks of a start, each traced from its birth on."""

    def __init__(self, launcher: int) -> None:
        self.launcher = launcher
        self.launcher_exit: Optional[int] = None
        self.traced = {launcher}
        self.early: Set[int] = set()

    def hold(self, birth: int) -> int:
        """Stops the task of that birth and lets all go; the task's id."""
        parent = task = self.next_event({EXEC})[0]
        for _ in range(birth):
            for stopped in {parent, task}:
                ptrace(PTRACE_CONT, stopped)
            parent, task = self.next_event({FORK, VFORK, CLONE})
            self.await_first_stop(task)
        os.kill(task, signal.SIGSTOP)
        for stopped in {task, parent}:
            ptrace(PTRACE_DETACH, stopped)
        for running in self.traced - {task, parent}:
            self.let_go(running)
        return task

    def next_event(self, events: Set[int]) -> Tuple[int, int]:
        """Lets everything run until one of the events stops a task; the task and the event's message, a child."""
        while True:
            task, status = self.wait(-1)
            if not self.traced:
                raise NotHeld(f"the start ended with exit status {self.launcher_exit}")
            if not os.WIFSTOPPED(status):
                continue
            if task not in self.traced:
                self.early.add(task)
            elif status >> 16 in events:
                message = ctypes.c_ulong()
                libc.ptrace(PTRACE_GETEVENTMSG, task, None, ctypes.addressof(message))
                return task, message.value
            else:
                ptrace(PTRACE_CONT, task, 0 if status >> 16 else os.WSTOPSIG(status))

    def wait(self, task: int) -> Tuple[int, int]:
        """The next task to stop or end, and its wait status."""
        task, status = os.waitpid(task, WALL)
        if not os.WIFSTOPPED(status):
            self.traced.discard(task)
            if task == self.launcher:
                self.launcher_exit = exit_code(status)
        return task, status

    def await_first_stop(self, task: int) -> None:
        self.traced.add(task)
        if task not in self.early:
            self.wait(task)

    def let_go(self, task: int) -> None:
        """A running task must be stopped to be detached."""
        try:
            ptrace(PTRACE_INTERRUPT, task)
            _, status = self.wait(task)
            if os.WIFSTOPPED(status):
                ptrace(PTRACE_DETACH, task, 0 if status >> 16 else os.WSTOPSIG(status))
        except (ProcessLookupError, ChildProcessError):
            pass  # It has just ended.


class HeldStart:
    """A start whose task `held` waits to be traced. The launcher is our child."""

    def __init__(self, launcher: int, held: int, launcher_exit: Optional[int]) -> None:
        self.launcher = launcher
        self.held = held
        self.launcher_exit = launcher_exit
        self.strace: Optional[subprocess.Popen] = None

    def trace(self, output: str, expressions: List[str]) -> None:
        """Attaches strace and lets the start go on."""
        command = ["strace", "-o", output, "-s", "300"]
        for expression in expressions:
            command += ["-e", expression]
        command += ["-p", str(self.held)]
        self.strace = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
        said = self.strace.stderr.readline()
        if b"attached" not in said:
            raise RuntimeError(f"strace: {said.decode(errors='replace').strip()}")
        os.kill(self.held, signal.SIGCONT)

    def await_launcher(self, seconds: float) -> Optional[int]:
        """Its exit code; None while it runs when the time is up."""
        if self.launcher_exit is None:
            self.launcher_exit = exit_code_of(self.launcher, seconds)
        return self.launcher_exit

    def end_tracing(self) -> None:
        """When the traced task has ended, or else at once."""
        if self.strace is None:
            return
        try:
            self.strace.wait(2)
        except subprocess.TimeoutExpired:
            self.strace.kill()
            self.strace.wait()
        self.strace.stderr.close()
