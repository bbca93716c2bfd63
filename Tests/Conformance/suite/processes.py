"""What /proc tells about a process, waiting for a condition, and ending what was started: by pid, never by name."""

from __future__ import annotations

import ctypes
import os
import select
import signal
import time
from typing import Dict, List, Optional, Set, Tuple

from harness.processes import PATIENCE, eventually

PR_SET_CHILD_SUBREAPER = 36
CLONE_NEWNS = 0x00020000
MS_RDONLY, MS_REC, MS_PRIVATE = 1, 0x4000, 0x40000

libc = ctypes.CDLL(None, use_errno=True)
exits: Dict[int, int] = {}
"""The wait status of every child reaped so far, adopted ones too."""

FileIdentity = Tuple[int, int]


def become_subreaper() -> None:
    """Makes every orphan below this process its child (prctl(2)), so that no daemon gets out of sight."""
    if libc.prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), "prctl(PR_SET_CHILD_SUBREAPER)")


class Process:
    """A process as /proc shows it. What has ended, or was never there, has no parent and no descriptors."""

    def __init__(self, pid: int) -> None:
        self.pid = pid

    def __repr__(self) -> str:
        return f"process {self.pid}"

    def stat(self) -> List[str]:
        """The fields of stat from the state on: the name before them may hold blanks and brackets."""
        try:
            with open(f"/proc/{self.pid}/stat", encoding="utf-8", errors="replace") as file:
                text = file.read()
        except (FileNotFoundError, ProcessLookupError):
            return ["X", "0", "0", "0", "0"]
        return text[text.rindex(")") + 2:].split()

    @property
    def is_alive(self) -> bool:
        return self.stat()[0] not in "ZX"

    @property
    def parent(self) -> int:
        return int(self.stat()[1])

    @property
    def group(self) -> int:
        return int(self.stat()[2])

    @property
    def session(self) -> int:
        return int(self.stat()[3])

    @property
    def terminal(self) -> int:
        """The controlling terminal's device number; 0 is none."""
        return int(self.stat()[4])

    @property
    def working_directory(self) -> str:
        return os.readlink(f"/proc/{self.pid}/cwd")

    @property
    def executable(self) -> str:
        try:
            return os.readlink(f"/proc/{self.pid}/exe")
        except OSError:
            return ""

    @property
    def threads(self) -> int:
        return len(os.listdir(f"/proc/{self.pid}/task"))

    def status(self) -> Dict[str, str]:
        try:
            with open(f"/proc/{self.pid}/status", encoding="utf-8", errors="replace") as file:
                return dict(line.rstrip("\n").split(":\t", 1) for line in file if ":\t" in line)
        except (FileNotFoundError, ProcessLookupError):
            return {}

    @property
    def umask(self) -> int:
        return int(self.status()["Umask"], 8)

    def signals(self, *fields: str) -> Set[int]:
        """The numbers of the signals in the named masks of status: SigBlk, SigIgn, SigCgt, SigPnd, ShdPnd."""
        status = self.status()
        mask = 0
        for field in fields:
            mask |= int(status.get(field, "0"), 16)
        return {number for number in range(1, 65) if mask >> (number - 1) & 1}

    def descriptors(self) -> Dict[int, FileIdentity]:
        """The open descriptors, each with the identity of the file behind it."""
        found = {}
        for number in self._descriptor_numbers():
            identity = identity_of(f"/proc/{self.pid}/fd/{number}")
            if identity:
                found[number] = identity
        return found

    def _descriptor_numbers(self) -> List[int]:
        try:
            return [int(name) for name in os.listdir(f"/proc/{self.pid}/fd")]
        except OSError:
            return []

    def target(self, descriptor: int) -> str:
        """What the descriptor's link in /proc reads, such as /dev/null or pipe:[4711]."""
        try:
            return os.readlink(f"/proc/{self.pid}/fd/{descriptor}")
        except FileNotFoundError:
            return "closed"

    def has_open(self, identity: Optional[FileIdentity]) -> bool:
        return identity in self.descriptors().values()

    def send(self, number: int) -> None:
        os.kill(self.pid, number)

    def has_ended(self, seconds: float = PATIENCE) -> bool:
        """Whether it ends in time, and is reaped if this process is its parent, as init would."""
        def gone() -> bool:
            reap()
            return self.stat()[0] == "X"
        return eventually(gone, seconds)

    def survives(self, number: int) -> bool:
        """Whether it lives on once the signal, already sent, has been taken from its queue."""
        watched = {int(number), int(signal.SIGKILL)}     # the kernel kills the group when the action is to end
        eventually(lambda: not self.is_alive or not watched & self.signals("SigPnd", "ShdPnd"))
        return self.is_alive


def identity_of(path: str) -> Optional[FileIdentity]:
    """Device and inode: the same file under whatever name."""
    try:
        found = os.stat(path)
    except OSError:
        return None
    return found.st_dev, found.st_ino


def living_descendants(root: int) -> Set[int]:
    """The pids of the processes below the given one that lived when they were looked at.

    A process that forks and exits while /proc is read hides its child from that reading, but not from each of four.
    """
    return {pid for _ in range(4) for pid, state in below(root).items() if state not in "ZX"}


def below(root: int) -> Dict[int, str]:
    """The pids of the processes below the given one, each with its state, in one reading of /proc."""
    states: Dict[int, str] = {}
    children: Dict[int, List[int]] = {}
    for name in os.listdir("/proc"):
        if name.isdigit():
            state, parent = Process(int(name)).stat()[:2]
            states[int(name)] = state
            children.setdefault(int(parent), []).append(int(name))
    found, waiting = {}, [root]
    while waiting:
        born = children.get(waiting.pop(), [])
        found.update((pid, states[pid]) for pid in born)
        waiting += born
    return found


def reap() -> bool:
    """Takes every exit that waits for this process, as init does; whether there are children still."""
    while True:
        try:
            pid, status = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            return False
        if pid == 0:
            return True
        exits[pid] = status


def exit_of(pid: int, seconds: float = PATIENCE) -> Optional[int]:
    """The child's wait status at the very moment it ends, or nothing when it runs on. Orphans are reaped meanwhile."""
    deadline = time.monotonic() + seconds
    reap()
    if pid in exits:
        return exits[pid]
    end = os.pidfd_open(pid)
    try:
        while pid not in exits and time.monotonic() < deadline:
            select.select([end], [], [], 0.01)
            reap()
    finally:
        os.close(end)
    return exits.get(pid)


def end_descendants() -> bool:
    """Kills and reaps whatever is left below this process, the subreaper; false when something resists."""
    def none_left() -> bool:
        for pid in below(os.getpid()):
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
        return not reap()
    return eventually(none_left)


def enter_private_mounts() -> None:
    """Gives this process mounts of its own, which end with it. Needs root; raises OSError."""
    _succeed(libc.unshare(CLONE_NEWNS), "unshare")
    _succeed(libc.mount(b"none", b"/", None, MS_REC | MS_PRIVATE, None), "mount /")


def mount_tmpfs(directory: str, options: str, read_only: bool = False) -> None:
    flags = MS_RDONLY if read_only else 0
    _succeed(libc.mount(b"tmpfs", os.fsencode(directory), b"tmpfs", flags, options.encode()), f"mount {directory}")


def _succeed(result: int, what: str) -> None:
    if result != 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{what}: {os.strerror(number)}")
