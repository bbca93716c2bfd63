"""Kind 4: the one thread of a master, held by those whom it serves or starts."""

import socket
import subprocess
import time

from harness import processes
from harness.checks import expect
from harness.moments import meanwhile
from suite import control

from ..arena import MASTERD, MASTERS, PATIENCE, START_SERVER, Arena, keep
from ..registry import attack

KIND = "4 held"
CROWD = 2 * PATIENCE
"""Seconds for an answer among dozens of clients that ask for as much as they can: each has its turn."""
STOPPER = """
import os, signal, sys, time
master, end = int(sys.argv[1]), time.monotonic() + float(sys.argv[2])
before = open(f"/proc/{master}/comm").read()
kill, stop, passed = os.kill, signal.SIGSTOP, {os.getpid()}
while time.monotonic() < end:
    newest = int(open("/proc/loadavg").read().split()[-1])
    for _ in range(20):
        for pid in range(newest - 1, newest + 12):
            if pid in passed:
                continue
            try:
                kill(pid, stop)
            except OSError:
                continue
            # Held where the program is the master's still; else it goes on, so that more are started. Children of
            # others are let go too: another check runs beside this one.
            try:
                for _ in range(100):
                    name, _, rest = open(f"/proc/{pid}/stat").read().rpartition(") ")
                    if rest[0] in "TZX":
                        break
                if rest[0] == "T" and name.split("(", 1)[1] + "\\n" == before and int(rest.split()[1]) == master:
                    print("held", pid, flush=True)
                    passed.add(pid)
                    continue
            except OSError:
                pass
            try:
                kill(pid, signal.SIGCONT)
            except OSError:
                pass
"""


@attack(KIND, "SIGSTOP between setuid and exec, by the service's account, holds nothing", MASTERD, START_SERVER,
        slow=True)
def stopped_between(arena: Arena, front_end: str) -> None:
    """The service ends at once and is started again, as fast as the front end does it; whatever is its account's is
    stopped as soon as it is there."""
    if front_end == MASTERD:
        master = arena.serve(front_end, command="sh -c 'exit 0'", lines=[
            "instances 20", "restart always backoff 1ms 1ms", "critical no", "stop-timeout 1s"])
    else:
        master = arena.serve(front_end, "--backoff=0.001,0.001", "--interval=0", "--stop-timeout=1", command="true")
    with arena.probe(master):
        held = [arena.python_as(arena.service, STOPPER, master.pid, 6, stdout=subprocess.PIPE) for _ in range(3)]
        # The length of the attack; what it holds is held a while longer.
        stopped = "".join(child.communicate(timeout=20)[0].decode() for child in held).splitlines()
        meanwhile(1)
    arena.note(f"{len(stopped)} stopped before exec")
    for line in stopped:
        processes.kill(int(line.split()[1]), 18)
    arena.goes_on(master)


def level_user(arena: Arena, front_end: str, *options: str, instances: int = 30):
    """A master with a control socket for everybody at the level `user`."""
    everybody = arena.path("everybody")
    if front_end == MASTERD:
        master = arena.serve(front_end, lines=[f"instances {instances}"],
                             settings=[f"control-socket {everybody} mode 666 level user"])
        return master, everybody
    return (arena.serve(front_end, *options), arena.control)


def report_line(front_end: str) -> str:
    report = "show proc" if front_end == START_SERVER else "show metrics"
    return ";".join([report] * 1253)[:16380].rsplit(";", 1)[0] + "\n"


@attack(KIND, "40 connections with 1,253 `show metrics` in a line each hold nobody up", *MASTERS, slow=True)
def many_reports(arena: Arena, front_end: str) -> None:
    master, path = level_user(arena, front_end)
    line = report_line(front_end)
    sockets = []
    with keep(sockets):
        with arena.probe(master, CROWD):
            for _ in range(40):
                sock = control.connect(path)
                sock.setblocking(False)
                sock.send(line.encode())
                sockets.append(sock)
            deadline = time.monotonic() + 6
            while time.monotonic() < deadline:
                for sock in sockets:
                    try:
                        sock.recv(1 << 20)
                    except OSError:
                        pass
                meanwhile(0.01)
            arena.reload(front_end, master, 20)
    arena.goes_on(master)


@attack(KIND, "60 sessions that read no answer cost no memory to speak of", *MASTERS, slow=True)
def unread(arena: Arena, front_end: str) -> None:
    master, path = level_user(arena, front_end, instances=60)
    resident = lambda: int(processes.status(master.pid)["VmRSS"].split()[0])    # noqa: E731
    before = resident()
    line = report_line(front_end)
    sockets = []
    with keep(sockets):
        with arena.probe(master, CROWD):
            for _ in range(60):
                sock = control.connect(path)
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
                sock.setblocking(False)
                sock.send(line.encode())
                sockets.append(sock)
            worst, end = before, time.monotonic() + 6
            while time.monotonic() < end:
                worst = max(worst, resident())
                meanwhile(0.05)
        arena.note(f"{(worst - before) // 1024} MB more")
        expect(worst - before < 64 * 1024, f"the answers that nobody reads take {(worst - before) // 1024} MB")
    arena.goes_on(master)


@attack(KIND, "connections that say nothing keep nobody out", *MASTERS)
def idle_connections(arena: Arena, front_end: str) -> None:
    master, path = level_user(arena, front_end, instances=1)
    sockets = []
    with keep(sockets):
        with arena.probe(master):
            for _ in range(300):
                try:
                    sockets.append(control.connect(path, 1))
                except OSError:
                    break
            arena.reload(front_end, master, 15)
    arena.goes_on(master)
