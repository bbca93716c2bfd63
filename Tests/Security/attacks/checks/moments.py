"""Kind 7: what another does with a name in the moment between two system calls. strace makes the moment long."""

import fcntl
import os
import signal
import socket
import subprocess
import threading
from typing import Callable, List

from harness import processes
from harness.checks import expect, read
from harness.processes import eventually

from ..arena import ECHOD, START_SERVER, Arena
from ..registry import attack

KIND = "7 moments"
LONG = 500_000
"""Microseconds that the delayed call takes."""
ATTEMPTS = 5
"""On a busy machine the attack may come too late."""


def delayed(call: str, where: str, *words: str) -> List[str]:
    """The command under strace, whose calls of that name take long at their begin (`enter`) or end (`exit`)."""
    return ["strace", "-f", "-qq", "-o", os.devnull, "-e", f"trace={call}", "-e",
            f"inject={call}:delay_{where}={LONG}", *words]


class Meanwhile:
    """Does it as soon as there is something to be done it to."""

    def __init__(self, act: Callable[[], bool]) -> None:
        self.done = False
        self._act = act
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._try, daemon=True)

    def _try(self) -> None:
        while not self.done and not self._over.wait(0.001):
            self.done = self._act()

    def __enter__(self) -> "Meanwhile":
        self._thread.start()
        return self

    def __exit__(self, *_) -> None:
        self._over.set()
        self._thread.join()


def end(strace: subprocess.Popen) -> None:
    """Stops what it traces, which it ends with."""
    for pid in processes.children(strace.pid):
        processes.kill(pid, signal.SIGTERM)
    processes.end(strace, 30)


def is_locked(path: str) -> bool:
    with open(path, "rb") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
    return False


@attack(KIND, "a pid file that another start has replaced before it could be locked is not locked without its name",
        ECHOD)
def pid_file(arena: Arena, front_end: str) -> None:
    for attempt in range(ATTEMPTS):
        path = arena.path(f"moment-{attempt}.pid")
        late = []

        def remove() -> bool:
            try:
                with open(path, "rb") as file:
                    os.unlink(path)
                    os.close(os.open(path, os.O_CREAT | os.O_EXCL, 0o600))
                    try:
                        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    except BlockingIOError:
                        late.append(True)
            except FileNotFoundError:
                return False
            return True

        words = [arena.echod, "--bind=127.0.0.1:0", f"--pid-file={path}", f"--log-file={arena.path('moment.log')}"]
        with Meanwhile(remove) as meanwhile:
            child = arena.start_as(None, delayed("flock", "enter", *words, "--foreground"))
            expect(eventually(lambda: meanwhile.done, 20), "it never makes its pid file")
        if not late:
            expect(eventually(lambda: read(path).strip(), 20), "the pid file has no name")
            expect(is_locked(path), "the pid file is not locked")
        end(child)
        if not late:
            return
    expect(False, f"the attack came too late {ATTEMPTS} times")


@attack(KIND, "a status file that is swapped before it gets its name is not published", START_SERVER)
def status_file(arena: Arena, front_end: str) -> None:
    for attempt in range(ATTEMPTS):
        status = os.path.join(arena.mine, f"status-{attempt}")
        evil = os.path.join(arena.mine, "evil")
        arena.do_as(arena.service, "import sys; open(sys.argv[1], 'w').write('1:1\\n')", evil)
        early = []

        def swap() -> bool:
            for name in os.listdir(arena.mine):
                beside = os.path.join(arena.mine, name)
                if name.startswith(f".status-{attempt}.") and os.path.exists(beside) and os.path.getsize(beside):
                    os.rename(evil, beside)
                    # It has no name yet, of the file that was swapped or of another.
                    early.append(not os.path.exists(status))
                    return True
            return False

        words = [arena.start_server, "--port=127.0.0.1:0", "--interval=0.1", f"--status-file={status}", "--", "sleep",
                 "1000"]
        with Meanwhile(swap) as meanwhile:
            child = arena.start_as(None, delayed("write,pwrite64", "exit", *words))
            expect(eventually(lambda: meanwhile.done, 20), "it never writes its status")
            eventually(lambda: read(status), 2)
        expect(read(status) != "1:1\n", "what another wrote is the status file")
        end(child)
        if early[0]:
            return
    expect(False, f"the attack came too late {ATTEMPTS} times")


@attack(KIND, "another socket in the place of the one that was just bound does not get its mode", ECHOD)
def bound_socket(arena: Arena, front_end: str) -> None:
    path, control = os.path.join(arena.mine, "web"), os.path.join(arena.mine, "control")
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(control)
        os.chmod(control, 0o600)

        def swap() -> bool:
            if not os.path.exists(path):
                return False
            os.rename(control, path)
            return True

        words = [arena.echod, f"--bind=unix:{path},mode=666", "--pid-file=none", "--foreground", "--log-file=-"]
        with Meanwhile(swap) as meanwhile:
            child = arena.start_as(None, delayed("bind", "exit", *words))
            expect(eventually(lambda: meanwhile.done, 20), "it never binds")
        changed = eventually(lambda: os.stat(path).st_mode & 0o777 != 0o600, 2)
        expect(not changed, f"root's other socket now has mode {os.stat(path).st_mode & 0o777:o}")
        end(child)
