"""What /proc tells about a process, and waiting for a condition. Processes are ended by pid, never by name."""

import os
import signal
import subprocess
import threading
import time
from typing import Callable, Dict, List, Sequence, Set, TypeVar

from .checks import Failed

PATIENCE = float(os.environ.get("TEST_PATIENCE", "10"))
"""Seconds within which whatever has to happen must have happened."""
TAG = "TEST_OF_DAEMONS"
"""The variable by which every process that comes of a test is found again."""

Value = TypeVar("Value")

forking = threading.Lock()
"""Held by whoever starts a process or writes an executable: a child between fork and exec would keep it busy."""


def eventually(condition: Callable[[], Value], seconds: float = PATIENCE) -> Value:
    """The condition's first true value, or its last false one when the time is up."""
    deadline = time.monotonic() + seconds
    pause = 0.002
    while True:
        value = condition()
        if value or time.monotonic() > deadline:
            return value
        time.sleep(pause)
        pause = min(pause * 1.5, 0.03)


def wait_for(what: str, condition: Callable[[], Value], seconds: float = 30) -> Value:
    """The condition's first true value, which has to come in time."""
    value = eventually(condition, seconds)
    if not value:
        raise Failed(f"not within {seconds:g} s: {what}")
    return value


def spawn(words: Sequence[str], **arguments) -> subprocess.Popen:
    with forking:
        return subprocess.Popen(words, **arguments)


def stat(pid: int) -> List[str]:
    """The fields of stat from the state on: the name before them may hold blanks and brackets."""
    try:
        with open(f"/proc/{pid}/stat", encoding="utf-8", errors="replace") as file:
            text = file.read()
    except (FileNotFoundError, ProcessLookupError):
        return ["X", "0", "0", "0", "0"]
    return text[text.rindex(")") + 2:].split()


def alive(pid: int) -> bool:
    return stat(pid)[0] not in "ZX"


def parent(pid: int) -> int:
    return int(stat(pid)[1])


def session(pid: int) -> int:
    return int(stat(pid)[3])


def status(pid: int) -> Dict[str, str]:
    """The fields of status; none of a process that is gone."""
    try:
        with open(f"/proc/{pid}/status", encoding="utf-8", errors="replace") as file:
            return dict(line.rstrip("\n").split(":\t", 1) for line in file if ":\t" in line)
    except (FileNotFoundError, ProcessLookupError):
        return {}


def signals(pid: int, *masks: str) -> Set[int]:
    """The numbers of the signals in the named masks of status: SigBlk, SigIgn, SigCgt, SigPnd, ShdPnd."""
    found, mask = status(pid), 0
    for name in masks:
        mask |= int(found.get(name, "0"), 16)
    return {number for number in range(1, 65) if mask >> (number - 1) & 1}


def takes(pid: int, *numbers: int) -> bool:
    """Whether it takes signals that were sent to it; that of its end stands for all (the kernel kills the group)."""
    sent = {*map(int, numbers), int(signal.SIGKILL)}
    return eventually(lambda: not alive(pid) or not sent & signals(pid, "SigPnd", "ShdPnd"))


def open_files(pid: int) -> Dict[int, str]:
    found = {}
    for number in os.listdir(f"/proc/{pid}/fd"):
        try:
            found[int(number)] = os.readlink(f"/proc/{pid}/fd/{number}")
        except FileNotFoundError:
            pass
    return found


def children(pid: int) -> List[int]:
    """The children of all its threads, those too that have ended and are not reaped."""
    try:
        tasks = os.listdir(f"/proc/{pid}/task")
    except OSError:
        return []
    return [int(child) for task in tasks for child in _bytes(pid, f"task/{task}/children").split()]


def living_children(pid: int) -> List[int]:
    return [child for child in children(pid) if alive(child)]


def command(pid: int) -> str:
    return _bytes(pid, "cmdline").replace(b"\0", b" ").decode(errors="replace").strip()


def tagged(value: str) -> List[int]:
    """The living processes with the tag's value in their environment."""
    wanted = f"{TAG}={value}".encode()
    pids = [int(name) for name in os.listdir("/proc") if name.isdigit()]
    return sorted(pid for pid in pids if wanted in _bytes(pid, "environ").split(b"\0") and alive(pid))


def kill(pid: int, number: int = signal.SIGKILL) -> bool:
    try:
        os.kill(pid, number)
        return True
    except ProcessLookupError:
        return False


def end(process: subprocess.Popen, seconds: float = 10) -> None:
    """Asks, then insists; only what is not reaped yet."""
    for number in (signal.SIGTERM, signal.SIGKILL):
        if process.poll() is not None:
            return
        process.send_signal(number)
        try:
            process.wait(seconds)
        except subprocess.TimeoutExpired:
            pass


def end_all(value: str) -> List[int]:
    """Kills what is tagged until nothing is; the pids that were found at first."""
    first = tagged(value)

    def none_left() -> bool:
        left = tagged(value)
        for pid in left:
            kill(pid)
        return not left
    eventually(none_left)
    return first


def _bytes(pid: int, name: str) -> bytes:
    try:
        with open(f"/proc/{pid}/{name}", "rb") as file:
            return file.read()
    except OSError:
        return b""
