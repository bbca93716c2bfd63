"""Is what a start says true? Each problem found is one sentence."""

import errno
import fcntl
import os
import pwd
import re
import signal
import socket
from typing import Callable, List, Optional, Tuple

from harness import processes, subreaper
from harness.processes import eventually
from harness.subreaper import exit_code_of

from faults import Fault
from scenarios import OLD_PID, USER, Place
from tracing import HeldStart

PATIENCE = 5.0
"""Seconds for what must happen at once, on a busy machine."""


def survivors(start: HeldStart) -> List[int]:
    """What lives of a start; strace is ours."""
    subreaper.reap()
    ours = processes.living_children(os.getpid())
    return [pid for pid in ours if start.strace is None or pid != start.strace.pid]


# A start that says: I serve.

def judge_success(place: Place, start: HeldStart, fault: Optional[Fault]) -> List[str]:
    """The caller was told that a daemon runs: it does, as it should, and stops without a trace."""
    text = place.read("files/pid")
    if not re.fullmatch(r"[1-9][0-9]*\n", text):
        return [f"the pid file holds {text!r}"] + stopped_otherwise(start)
    pid = int(text)
    problems = [] if pid in survivors(start) else [f"the pid file's process {pid} does not run"]
    problems += serves_nobody(pid) + is_not_locked(place) + is_not_logged(place, pid) + is_not_dropped(place, pid)
    problems += manager_not_told(place, f"READY=1\nMAINPID={pid}\n")
    return problems + stops_badly(place, start, pid)


def stopped_otherwise(start: HeldStart) -> List[str]:
    left = survivors(start)
    return [f"processes {left} run"] if left else []


def is_not_locked(place: Place) -> List[str]:
    try:
        with open(place.pid_file, "rb") as file:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return []
    except FileNotFoundError:
        return ["the pid file is gone"]
    return ["the pid file is not locked"]


def serves_nobody(pid: int) -> List[str]:
    """Every socket that the daemon listens on echoes."""
    addresses = eventually(lambda: listeners(pid))
    problems = [f"nobody echoes at {address}" for kind, address in addresses if not echoes(kind, address)]
    return problems if addresses else ["the daemon listens nowhere"]


def listeners(pid: int) -> List[Tuple[int, object]]:
    """Kind and address of a process's bound sockets, from its descriptors and the kernel's tables."""
    inodes = set()
    try:
        for number in os.listdir(f"/proc/{pid}/fd"):
            inodes.update(re.findall(r"^socket:\[(\d+)\]$", os.readlink(f"/proc/{pid}/fd/{number}")))
    except OSError:
        return []
    found: List[Tuple[int, object]] = []
    for name, kind, listening in (("tcp", socket.SOCK_STREAM, "0A"), ("udp", socket.SOCK_DGRAM, "07")):
        for row in table(name):
            if row[9] in inodes and row[3] == listening:
                found.append((kind, ("127.0.0.1", int(row[1].rpartition(":")[2], 16))))
    accepts_connections = "00010000"
    for row in table("unix"):
        if row[6] in inodes and row[3] == accepts_connections and len(row) > 7:
            found.append((socket.SOCK_STREAM, row[7]))
    return found


def table(name: str) -> List[List[str]]:
    with open(f"/proc/net/{name}", encoding="utf-8") as file:
        return [line.split() for line in file.readlines()[1:]]


def echoes(kind: int, address: object) -> bool:
    family = socket.AF_UNIX if isinstance(address, str) else socket.AF_INET
    with socket.socket(family, kind) as client:
        client.settimeout(PATIENCE)
        try:
            client.connect(address)
            client.send(b"sweep")
            return client.recv(64) == b"sweep"
        except OSError:
            return False


def is_not_logged(place: Place, pid: int) -> List[str]:
    line = f"echod pid={pid} NOTICE echod daemon startup\n"
    return [] if line in place.read("files/log") else ["the log has no line of the start"]


def is_not_dropped(place: Place, pid: int) -> List[str]:
    """The user, and no way back: neither a saved id, nor a group, nor a capability is left of root's."""
    if not place.scenario.drops:
        return []
    entry = pwd.getpwnam(USER)
    status = processes.status(pid)
    if not status:
        return ["it has ended"]
    problems = [] if set(status["Uid"].split()) == {str(entry.pw_uid)} else [f"its user ids are {status['Uid']!r}"]
    if set(status["Gid"].split()) != {str(entry.pw_gid)}:
        problems.append(f"its group ids are {status['Gid']!r}")
    if not set(status["Groups"].split()) <= {str(entry.pw_gid)}:
        problems.append(f"its supplementary groups are {status['Groups']!r}")
    if int(status["CapPrm"], 16) or int(status["CapEff"], 16):
        problems.append(f"its capabilities are {status['CapPrm']}")
    return problems


def manager_not_told(place: Place, text: str) -> List[str]:
    if not place.manager:
        return []
    told = eventually(lambda: text in place.notifications())
    return [] if told else [f"the service manager was not told {text.strip()!r}"]


def stops_badly(place: Place, start: HeldStart, pid: int) -> List[str]:
    """SIGTERM ends it with status 0, and nothing is left."""
    if pid not in survivors(start):
        return left_behind(place, start)
    os.kill(pid, signal.SIGTERM)
    code = exit_code_of(pid, PATIENCE)
    if code is None:
        return ["SIGTERM does not end it" + where(start)]
    problems = [] if code == 0 else [f"SIGTERM ended it with status {code}"]
    if "NOTICE echod daemon shutdown\n" not in place.read("files/log"):
        problems.append("the log has no line of the end")
    return problems + left_behind(place, start)


SOCKET_LEFT = "the socket file is left"


def left_behind(place: Place, start: HeldStart, fault: Optional[Fault] = None) -> List[str]:
    """Processes and files of an ended daemon, but for its log."""
    problems = [f"process {pid} is left" for pid in eventually_none(lambda: survivors(start))]
    if os.path.lexists(place.socket_file) and not is_old_socket(place):
        problems.append(SOCKET_LEFT)
    if os.path.exists(place.pid_file):
        problems += judge_left_pid_file(place, fault)
    names = sorted(set(os.listdir(place.files)) - {"pid", "log", "sock"})
    return problems + [f"{name} is left" for name in names]


def eventually_none(condition: Callable[[], List[int]]) -> List[int]:
    eventually(lambda: not condition(), 1)
    return condition()


def is_old_socket(place: Place) -> bool:
    """The one that was there before: a start that failed before it came to bind does not touch it."""
    return place.scenario.stale and os.lstat(place.socket_file).st_ino == place.stale_socket


def judge_left_pid_file(place: Place, fault: Optional[Fault]) -> List[str]:
    text = place.read("files/pid")
    if text == "" and fault and fault.call.name == "flock" and fault.errno == "EAGAIN":
        # As if another start had locked the file that this one had just made: it is that one's by now.
        return []
    if place.scenario.drops and text != OLD_PID:
        # It is root's, in root's directory, and the daemon is somebody else by now, who may not remove or change it:
        # without a lock it means "dead", and root's `--stop` or the next start removes it.
        return []
    if text == OLD_PID and place.scenario.stale:
        return []
    return [f"the pid file is left and holds {text!r}"]


# A start that says: I failed.

SAYS_WHAT = re.compile(r"cannot |pid file |log file ")

STATEMENTS = {
    ("flock", "EAGAIN"): "is already running: pid file",
    # Whatever the kernel says, this is what pthread_create(3) returns.
    ("clone3", "ENOMEM"): os.strerror(errno.EAGAIN),
    ("mmap", "ENOMEM"): os.strerror(errno.EAGAIN),
}
"""Where the message rightly says something else than strerror(3) of the fault."""

LIBRARY_ABORTS = re.compile(r"^Assertion '.*sigprocmask.*' failed at src/(nss-systemd|basic)/", re.MULTILINE)
"""libnss_systemd, which a look-up of groups loads, trusts that sigprocmask(2) never fails; no kernel lets it fail."""


def judge_failure(place: Place, start: HeldStart, code: int, fault: Optional[Fault]) -> List[str]:
    """The caller was told that there is no daemon, and why: that is the reason, and there is none."""
    if LIBRARY_ABORTS.search(place.read("files/log") + place.read("stderr")):
        # The end of a process that was killed: its launcher says so, and only the socket file may stay.
        problems = [] if code < 0 or "(SIGABRT); see log file" in place.read("stderr") else ["SIGABRT is not named"]
        return problems + [each for each in left_behind(place, start) if each != SOCKET_LEFT]
    problems = []
    if code < 0:
        problems.append(f"it was killed by {signal.Signals(-code).name}")
    return problems + explains_badly(place, fault) + logs_badly(place, fault) + left_behind(place, start, fault)


def explains_badly(place: Place, fault: Optional[Fault]) -> List[str]:
    said = place.read("stderr").strip()
    if not said:
        return ["nothing was said on standard error"]
    if not fault:
        return ["it failed without a fault"]
    return mentions_badly(said, place, fault)


def mentions_badly(said: str, place: Place, fault: Fault) -> List[str]:
    problems = [] if names_cause(said, place, fault) else ["the message does not name the cause"]
    if not SAYS_WHAT.search(said):
        problems.append("the message does not say what was tried")
    return problems


def names_cause(said: str, place: Place, fault: Fault) -> bool:
    if fault.action == "retval=0":
        return os.strerror(errno.EPERM) in said
    cause = os.strerror(getattr(errno, fault.errno))
    statement = STATEMENTS.get((fault.call.name, fault.errno))
    if cause in said or statement and statement in said:
        return True
    return "see log file" in said and any(cause in line for line in errors(place))


def errors(place: Place) -> List[str]:
    return [line for line in place.read("files/log").splitlines() if " ERROR " in line]


def logs_badly(place: Place, fault: Optional[Fault]) -> List[str]:
    """A daemon that has logged its start also logs why it failed, unless it was the launcher that gave up."""
    if fault and fault.task.name == "launcher" or "daemon startup" not in place.read("files/log"):
        return []
    return [] if len(errors(place)) == 1 else [f"the log has {len(errors(place))} lines that say ERROR"]


# A main that says, after the start: I failed.

def judge_main_failure(place: Place, start: HeldStart, fault: Fault) -> List[str]:
    """By contract an ERROR line is all that a failing main says to anybody, and nothing is left."""
    problems = []
    if len(errors(place)) != 1:
        problems.append(f"the log has {len(errors(place))} lines that say ERROR")
    else:
        problems += mentions_badly(errors(place)[0].partition(" ERROR ")[2], place, fault)
    return problems + left_behind(place, start)


# A start that says nothing.

def where(start: HeldStart) -> str:
    """What every process of a start waits for."""
    ours = survivors(start)
    for pid in ours:
        ours += processes.living_children(pid)
    return "".join(f"; process {pid} is in state {processes.stat(pid)[0]} in {wait_channel(pid)}" for pid in ours)


def wait_channel(pid: int) -> str:
    try:
        with open(f"/proc/{pid}/wchan", encoding="ascii") as file:
            return file.read() or "user space"
    except OSError:
        return "nothing"
