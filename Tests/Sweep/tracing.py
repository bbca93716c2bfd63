"""Starts a daemon, holds one process of the start at its birth, and hands that one to strace.

strace counts `when=N` in each process from its own beginning. Under `strace -f` the N-th openat would therefore fail in
the launcher too (there it belongs to ld.so, or comes first), and no fault would ever reach the daemon alone. So this
module follows exec(2) and the forks itself, by ptrace(2)'s events only, stops the wanted process before its first
instruction, lets it go, and strace attaches to it, and to nobody else.
"""

import ctypes
import enum
import os
import select
import signal
import subprocess
import time
from typing import Dict, List, Optional

libc = ctypes.CDLL(None, use_errno=True)
libc.ptrace.argtypes = [ctypes.c_long, ctypes.c_int, ctypes.c_void_p, ctypes.c_void_p]
libc.ptrace.restype = ctypes.c_long

PTRACE_CONT, PTRACE_DETACH, PTRACE_GETEVENTMSG, PTRACE_SEIZE = 7, 17, 0x4201, 0x4206
TRACE_FORK, TRACE_VFORK, TRACE_CLONE, TRACE_EXEC = 2, 4, 8, 16
FORK_EVENTS, EXEC_EVENT = {1, 2, 3}, {4}
WALL = 0x40000000
PR_SET_CHILD_SUBREAPER = 36


class Role(enum.IntEnum):
    """A process of the start, by the number of forks that lie before it."""
    LAUNCHER = 0
    INTERMEDIATE = 1
    DAEMON = 2


class NotHeld(Exception):
    """The start ended before the wanted process was born."""


def become_subreaper() -> None:
    """Every orphan of a start becomes a child of this process, so that none gets out of sight."""
    if libc.prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), "prctl(PR_SET_CHILD_SUBREAPER)")


def start_held(command: List[str], environment: Dict[str, str], folder: str, role: Role) -> "HeldStart":
    """Runs the command as a child of ours up to the birth of the process of that role, which is stopped there."""
    gate, opener = os.pipe()
    launcher = os.fork()
    if launcher == 0:
        execute(command, environment, folder, gate)
    os.close(gate)
    ptrace(PTRACE_SEIZE, launcher, TRACE_FORK | TRACE_VFORK | TRACE_CLONE | TRACE_EXEC)
    os.write(opener, b"g")
    os.close(opener)
    held = launcher
    await_event(held, EXEC_EVENT)
    for _ in range(role):
        ptrace(PTRACE_CONT, held)
        child = await_event(held, FORK_EVENTS)
        os.waitpid(child, WALL)
        ptrace(PTRACE_DETACH, held)
        held = child
    os.kill(held, signal.SIGSTOP)
    ptrace(PTRACE_DETACH, held)
    return HeldStart(launcher, held)


def execute(command: List[str], environment: Dict[str, str], folder: str, gate: int) -> None:
    """In the child: waits until it is traced, then becomes the command. Does not return."""
    try:
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
        for number, name in ((1, "stdout"), (2, "stderr")):
            os.dup2(os.open(os.path.join(folder, name), os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), number)
        os.read(gate, 1)
        os.execve(command[0], command, environment)
    finally:
        os._exit(127)


def ptrace(request: int, pid: int, data: int = 0) -> None:
    if libc.ptrace(request, pid, None, data) == -1:
        raise OSError(ctypes.get_errno(), f"ptrace request {request:#x} of process {pid}")


def await_event(pid: int, events: set) -> int:
    """Lets the traced process run until one of the events stops it; the event's message, a fork's child."""
    while True:
        _, status = os.waitpid(pid, WALL)
        if not os.WIFSTOPPED(status):
            raise NotHeld(f"process {pid} ended with wait status {status:#x}")
        event = status >> 16
        if event in events:
            message = ctypes.c_ulong()
            libc.ptrace(PTRACE_GETEVENTMSG, pid, None, ctypes.addressof(message))
            return message.value
        ptrace(PTRACE_CONT, pid, 0 if event else os.WSTOPSIG(status))


class HeldStart:
    """A start whose process `held` waits to be traced. The launcher is our child."""

    def __init__(self, launcher: int, held: int) -> None:
        self.launcher = launcher
        self.held = held
        self.strace: Optional[subprocess.Popen] = None

    def trace(self, output: str, expressions: List[str]) -> None:
        """Attaches strace and lets the start go on."""
        command = ["strace", "-o", output, "-s", "300"]
        for expression in expressions:
            command += ["-e", expression]
        self.strace = subprocess.Popen(
            command + ["-p", str(self.held)], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
        said = self.strace.stderr.readline()
        if b"attached" not in said:
            raise RuntimeError(f"strace: {said.decode(errors='replace').strip()}")
        os.kill(self.held, signal.SIGCONT)

    def end_tracing(self) -> None:
        """When all traced processes have ended, or else at once."""
        if self.strace is None:
            return
        try:
            self.strace.wait(2)
        except subprocess.TimeoutExpired:
            self.strace.kill()
            self.strace.wait()
        self.strace.stderr.close()


def await_end(pid: int, seconds: float) -> Optional[int]:
    """A child's exit code (negative for a signal), which is reaped; None while it runs when the time is up."""
    try:
        handle = os.pidfd_open(pid)
    except ProcessLookupError:
        return None
    try:
        ended, _, _ = select.select([handle], [], [], max(0.0, seconds))
        return exit_code(os.waitpid(pid, 0)[1]) if ended else None
    finally:
        os.close(handle)


def exit_code(status: int) -> int:
    return -os.WTERMSIG(status) if os.WIFSIGNALED(status) else os.WEXITSTATUS(status)


def children() -> List[int]:
    """Our living children; those that have ended are reaped."""
    while True:
        try:
            pid, _ = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            return []
        if pid == 0:
            return living_children(os.getpid())


def living_children(parent: int) -> List[int]:
    return [pid for pid in processes() if stat_field(pid, 0) not in "ZX" and stat_field(pid, 1) == str(parent)]


def processes() -> List[int]:
    return [int(name) for name in os.listdir("/proc") if name.isdigit()]


def stat_field(pid: int, index: int) -> str:
    """A field of /proc/PID/stat from the state (0) on; empty when there is no such process."""
    try:
        with open(f"/proc/{pid}/stat", encoding="utf-8", errors="replace") as file:
            return file.read().rpartition(")")[2].split()[index]
    except OSError:
        return ""


def kill_children(but: int = 0) -> None:
    """By pid, and their children after them: orphans come to us."""
    deadline = time.monotonic() + 5
    while time.monotonic() < deadline:
        left = [pid for pid in children() if pid != but]
        if not left:
            return
        for pid in left:
            os.kill(pid, signal.SIGKILL)
        time.sleep(0.002)
