"""Which calls of a start are made to fail, and how."""

import re
from collections import Counter
from dataclasses import dataclass
from typing import Callable, Iterable, List, NamedTuple, Tuple

from scenarios import Scenario

ERRNOS = {
    "openat": "EACCES ENOENT EMFILE ENOSPC EINTR",
    "read": "EIO EINTR",
    "pread64": "EIO EINTR",
    "write": "ENOSPC EIO EPIPE EINTR",
    "pwrite64": "ENOSPC EIO EINTR",
    "lseek": "ESPIPE",
    "fork": "EAGAIN ENOMEM",
    "vfork": "EAGAIN ENOMEM",
    "clone": "EAGAIN ENOMEM",
    "clone3": "EAGAIN ENOMEM",
    "setsid": "EPERM",
    "flock": "ENOLCK EINTR EAGAIN",
    "dup": "EMFILE",
    "dup2": "EBUSY EMFILE EINTR",
    "dup3": "EBUSY EMFILE EINTR",
    "fcntl": "EINVAL EBADF",
    "ioctl": "ENOTTY EIO",
    "socket": "EMFILE ENOBUFS EACCES",
    "setsockopt": "ENOPROTOOPT ENOMEM",
    "getsockopt": "ENOBUFS",
    "bind": "EADDRINUSE EACCES",
    "listen": "EADDRINUSE",
    "getsockname": "ENOBUFS",
    "connect": "ECONNREFUSED ENOENT EACCES",
    "sendto": "ECONNREFUSED ENOBUFS EAGAIN EINTR",
    "sendmsg": "ECONNREFUSED ENOBUFS EAGAIN EINTR",
    "unlink": "EACCES EIO",
    "unlinkat": "EACCES EIO",
    "ftruncate": "EIO EINTR",
    "fchmod": "EPERM EIO",
    "chown": "EPERM",
    "fchown": "EPERM",
    "lchown": "EPERM",
    "fchownat": "EPERM",
    "chdir": "EACCES ENOENT",
    "chroot": "EPERM",
    "getcwd": "ENOENT",
    "setuid": "EAGAIN",
    "setgid": "EPERM",
    "setreuid": "EPERM",
    "setresuid": "EPERM EAGAIN",
    "setresgid": "EPERM",
    "setgroups": "EPERM ENOMEM",
    "rt_sigaction": "EINVAL",
    "rt_sigprocmask": "EINVAL",
    "pipe2": "EMFILE ENFILE",
    "close_range": "ENOSYS ENOMEM",
    "close": "EIO EINTR",
    "wait4": "EINTR ECHILD",
    "waitid": "EINTR ECHILD",
    "poll": "EINTR ENOMEM",
    "ppoll": "EINTR ENOMEM",
    "prctl": "EINVAL",
    "pidfd_open": "ENOSYS EMFILE ESRCH",
    "newfstatat": "EIO EACCES ENOMEM",
    "fstat": "EIO ENOMEM",
    "getdents64": "EIO",
    "epoll_create1": "EMFILE ENOMEM",
    "epoll_ctl": "ENOMEM ENOSPC",
    "epoll_wait": "EINTR",
    "prlimit64": "EPERM",
    "mmap": "ENOMEM",
    "madvise": "EINVAL",
}
"""How each call may fail. What is not here is left out: it cannot fail (getpid, umask, exit_group), or only the C
library and the runtime ask for it (brk, mmap of malloc, set_robust_list, gettid): the process ends without memory."""

LIES = {"setresuid", "setresgid"}
"""Calls that are also made to succeed without any effect, as under a seccomp(2) filter: privileges stay."""

BORDER = "/proc/self/task"
"""The first call of genericMain in the process that the caller starts counts the threads. What comes before it is
ld.so's, libc's and the Swift runtime's start: a fault there shows only that a program cannot be loaded."""

WAITS = re.compile(r"epoll_wait\(|poll\(.*, -1(\) +=|$)|poll\(\[\{fd=\d+, events=POLLIN\}, \{fd=-1\}\], 2, ")
"""Waiting for clients, or for signals (with a time-out: the signal thread looks at the handlers a second later), is the
last call of a start that a task makes."""

MAIN = "pipe2"
"""echod's main makes a pipe first, when the signal thread is there."""

SAMPLED = re.compile(r"rt_sigaction\(\w+, (\{sa_handler=SIG_DFL|NULL)|madvise\(")
SAMPLE = 16
"""All 64 signals get their default dispositions, and start-up code is given back piece by piece: of such calls one in
so many is swept, unless all are wanted."""


class Call(NamedTuple):
    """The nth call of its name in the life of a task, as strace wrote it."""
    name: str
    nth: int
    text: str

    @property
    def makes_thread(self) -> bool:
        return self.name in ("clone", "clone3") and "CLONE_THREAD" in self.text

    @property
    def makes_task(self) -> bool:
        return self.name in ("fork", "vfork", "clone", "clone3") and " = -1 " not in self.text


class Task(NamedTuple):
    """A process or a thread of a start, by the number of its birth."""
    birth: int
    name: str


@dataclass(frozen=True)
class Fault:
    scenario: Scenario
    task: Task
    call: Call
    action: str
    """`error=ERRNO` or `retval=0`."""
    in_main: bool
    """The call belongs to echod's main: launcher and service manager have been told already."""

    @property
    def errno(self) -> str:
        return self.action.partition("=")[2] if self.action.startswith("error=") else ""

    @property
    def injection(self) -> str:
        return f"inject={self.call.name}:{self.action}:when={self.call.nth}"

    def __str__(self) -> str:
        return f"{self.scenario.name}, {self.task.name}: {self.injection}"


def calls(task: Task, trace: Iterable[str]) -> List[Call]:
    """What a task calls from the border on until the start is over for it."""
    counts: Counter = Counter()
    found: List[Call] = []
    for line in trace:
        name = re.match(r"\w+(?=\()", line)
        if not name:
            continue
        counts[name[0]] += 1
        found.append(Call(name[0], counts[name[0]], line.rstrip()))
        if WAITS.match(line):
            break
    return found if task.birth else found[index(found, lambda call: BORDER in call.text):]


def ends_start(made: List[Call]) -> bool:
    """Whether the task came to its last call."""
    return bool(made) and (made[-1].name == "exit_group" or WAITS.match(made[-1].text) is not None)


def faults(scenario: Scenario, task: Task, made: List[Call], every: bool) -> Tuple[List[Fault], Counter]:
    """The faults for the calls of one task, and how many calls are left out, by name."""
    main = start_of_main(made)
    wanted: List[Fault] = []
    left_out: Counter = Counter()
    for position, call in enumerate(made):
        actions = how(call, every)
        wanted += [Fault(scenario, task, call, action, position >= main) for action in actions]
        if not actions:
            left_out[call.name] += 1
    return wanted, left_out


def start_of_main(made: List[Call]) -> int:
    """Where the calls of echod's main begin; behind the last one in a task that does not serve."""
    if not made or made[-1].name != "epoll_wait":
        return len(made)
    thread = index(made, lambda call: call.makes_thread)
    return thread + index(made[thread:], lambda call: call.name == MAIN)


def index(made: List[Call], condition: Callable[[Call], bool]) -> int:
    return next((position for position, call in enumerate(made) if condition(call)), len(made))


def how(call: Call, every: bool) -> List[str]:
    """What the call is made to answer."""
    if call.name == "mmap" and "MAP_STACK" not in call.text:
        return []
    if SAMPLED.match(call.text) and call.nth % SAMPLE and not every:
        return []
    actions = [f"error={name}" for name in ERRNOS.get(call.name, "").split()]
    if call.name in LIES:
        actions.append("retval=0")
    return actions
