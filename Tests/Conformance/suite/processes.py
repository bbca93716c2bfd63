"""A process as /proc shows it to a check."""

from __future__ import annotations

import os
from typing import Dict, List, Optional, Set, Tuple, Union

from harness import processes, subreaper
from harness.processes import PATIENCE, eventually

FileIdentity = Tuple[int, int]


class Process:
    """A process as /proc shows it. What has ended, or was never there, has no parent and no descriptors."""

    def __init__(self, pid: int) -> None:
        self.pid = pid

    def __repr__(self) -> str:
        return f"process {self.pid}"

    def stat(self) -> List[str]:
        return processes.stat(self.pid)

    @property
    def is_alive(self) -> bool:
        return processes.alive(self.pid)

    @property
    def parent(self) -> int:
        return processes.parent(self.pid)

    @property
    def group(self) -> int:
        return int(self.stat()[2])

    @property
    def session(self) -> int:
        return processes.session(self.pid)

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

    @property
    def umask(self) -> int:
        return int(processes.status(self.pid)["Umask"], 8)

    def signals(self, *masks: str) -> Set[int]:
        return processes.signals(self.pid, *masks)

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
            subreaper.reap()
            return self.stat()[0] == "X"
        return eventually(gone, seconds)

    def survives(self, number: int) -> bool:
        """Whether it lives on once the signal, already sent, has been taken from its queue."""
        processes.takes(self.pid, number)
        return self.is_alive


def identity_of(path: Union[str, int]) -> Optional[FileIdentity]:
    """Device and inode: the same file under whatever name, or behind an open descriptor."""
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
            state, parent = processes.stat(int(name))[:2]
            states[int(name)] = state
            children.setdefault(int(parent), []).append(int(name))
    found, waiting = {}, [root]
    while waiting:
        born = children.get(waiting.pop(), [])
        found.update((pid, states[pid]) for pid in born)
        waiting += born
    return found
