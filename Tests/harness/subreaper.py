"""For a process that adopts every orphan below it (prctl(2), PR_SET_CHILD_SUBREAPER), so that no daemon gets lost."""

import ctypes
import os
import select
import time
from typing import Collection, Dict, Optional

from . import processes
from .processes import PATIENCE, eventually

PR_SET_CHILD_SUBREAPER = 36

libc = ctypes.CDLL(None, use_errno=True)
exits: Dict[int, int] = {}
"""The wait status of every child reaped so far, adopted ones too."""


def become_subreaper() -> None:
    if libc.prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), "prctl(PR_SET_CHILD_SUBREAPER)")


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


def exit_code_of(pid: int, seconds: float = PATIENCE) -> Optional[int]:
    """A child's exit code at the very moment it ends, minus the signal that ended it, or None when it runs on."""
    deadline = time.monotonic() + seconds
    reap()
    try:
        end = None if pid in exits else os.pidfd_open(pid)
    except ProcessLookupError:
        return None
    while pid not in exits and time.monotonic() < deadline:
        # Orphans are reaped meanwhile.
        select.select([end], [], [], 0.01)
        reap()
    if end is not None:
        os.close(end)
    return exit_code(exits[pid]) if pid in exits else None


def exit_code(status: int) -> int:
    return -os.WTERMSIG(status) if os.WIFSIGNALED(status) else os.WEXITSTATUS(status)


def end_children(but: Collection[int] = ()) -> bool:
    """Kills and reaps what is left below this process: orphans come to it. False when something resists."""
    def none_left() -> bool:
        has_children = reap()
        left = [pid for pid in processes.children(os.getpid()) if pid not in but]
        for pid in left:
            processes.kill(pid)
        # Without exceptions waitpid(2) knows it best: the list of children may miss one that is just born.
        return not left and (bool(but) or not has_children)
    return eventually(none_left)
