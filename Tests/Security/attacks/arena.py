"""An attack's arena: a master of each front end with a service of another account, that account, and a victim."""

import contextlib
import os
import re
import signal
import socket
import stat
import subprocess
import sys
import threading
import time
from typing import Dict, Iterator, List, Optional, Sequence

from harness import processes
from harness.checks import expect, read
from harness.commands import Outcome
from harness.processes import eventually
from suite import control
from suite.case import Case, section
from suite.master import Master

from .people import SERVICE, STRANGER, Person

MASTERD, WORKERS, START_SERVER, ECHOD = "masterd", "--workers", "start_server", "echod"
MASTERS = (MASTERD, WORKERS, START_SERVER)
PYTHON = next(path for path in ("/usr/bin/python3", sys.executable) if os.path.exists(path))
"""One that other accounts can execute too, which a home of root's would keep from them."""
VERSION = re.compile(r"(start_server \(DaemonKit\) )?\d+\.\d+\S*\n*")
PATIENCE = float(os.environ.get("SECURITY_PATIENCE", "4"))
"""Seconds within which a master that is attacked has to answer. A frozen one takes longer, or for ever."""


class Victim:
    """A process of root's that nobody is to signal; it writes down each signal that reaches it."""

    PROGRAM = """
import os, signal, sys
def note(number, frame):
    with open(sys.argv[1], "a") as file:
        print(signal.Signals(number).name, file=file)
for each in (1, 2, 3, 10, 12, 15, 18):
    signal.signal(each, note)
open(sys.argv[1], "a").close()
while True:
    signal.pause()
"""

    def __init__(self, arena: "Arena", person: Optional[Person] = None) -> None:
        self.record = arena.path(f"victim-{len(arena.victims)}")
        if person:
            open(self.record, "w", encoding="utf-8").close()
            os.chown(self.record, person.uid, person.gid)
        words = [PYTHON, "-I", "-S", "-c", self.PROGRAM, self.record]
        self.child = arena.start_as(person, words)
        self.pid = self.child.pid
        expect(eventually(self._catches), "the victim does not catch its signals")

    def _catches(self) -> bool:
        # CONT comes last, so that all others are caught too.
        return bool(int(processes.status(self.pid)["SigCgt"], 16) & (1 << (signal.SIGCONT - 1)))

    @property
    def signals(self) -> List[str]:
        return read(self.record).split()

    def is_untouched(self) -> None:
        # A signal that was sent before is in the record as soon as the victim has run.
        eventually(lambda: self.signals or self.child.poll() is not None, 0.3)
        expect(self.child.poll() is None, "the victim was killed")
        expect(not self.signals, f"the victim was sent {' '.join(self.signals)}")


class Probe:
    """Asks a master again and again during an attack, and keeps the longest time that an answer took."""

    def __init__(self, arena: "Arena", master: Master, limit: float = PATIENCE) -> None:
        self._arena, self._master, self._limit = arena, master, limit
        self.worst, self.failure, self.count = 0.0, "", 0
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._ask, daemon=True)

    def _ask(self) -> None:
        while not self._over.is_set():
            begin = time.monotonic()
            try:
                answer = control.ask(self._master.socket, "show version", self._limit + 7)
                expect(VERSION.fullmatch(answer), f"it answers {answer!r}")
            except Exception as error:
                self.failure = self.failure or f"{error!r}"
            self.worst = max(self.worst, time.monotonic() - begin)
            self.count += 1
            self._over.wait(0.01)

    def __enter__(self) -> "Probe":
        self._thread.start()
        return self

    def __exit__(self, kind, *_) -> None:
        self._over.set()
        self._thread.join(self._limit + 10)
        if kind is None:
            self._arena.note(f"answers within {self.worst * 1000:.0f} ms ({self.count} asked)")
            expect(not self.failure, f"it does not answer: {self.failure}")
            expect(self.worst < self._limit, f"an answer took {self.worst:.1f} s")


class Arena(Case):
    def __init__(self, binaries: str) -> None:
        super().__init__(binaries)
        self.start_server, self.daemonctl = (
            os.path.join(binaries, each) for each in ("start_server", "daemonctl"))
        self.victims: List[Victim] = []
        self.begun: List[subprocess.Popen] = []
        self.may_leave_files = True
        self.service, self.stranger = SERVICE, STRANGER
        self.mine = self.directory_of(SERVICE, "mine")
        """A directory of the service's own account, as /var/log/NAME and /run/NAME are."""
        os.chmod(self.records, 0o1777)

    # Places

    def directory_of(self, person: Optional[Person], name: str, mode: int = 0o755) -> str:
        path = self.path(name)
        os.mkdir(path)
        os.chmod(path, mode)
        if person:
            os.chown(path, person.uid, person.gid)
        return path

    def secret(self, name: str = "secret", content: str = "root's own\n") -> str:
        """A file of root's with mode 0600 in a directory that only root may write."""
        return self.write(f"etc/{name}", content, 0o600)

    def is_untouched(self, path: str, content: str = "root's own\n") -> None:
        found = os.stat(path)
        expect((found.st_uid, found.st_gid, stat.S_IMODE(found.st_mode)) == (0, 0, 0o600),
               f"root's file is now of {found.st_uid}:{found.st_gid} with mode {stat.S_IMODE(found.st_mode):o}")
        expect(read(path) == content, f"root's file now holds {read(path)[:200]!r}")

    # People

    def start_as(self, person: Optional[Person], words: Sequence[str], **popen) -> subprocess.Popen:
        identity = dict(user=person.uid, group=person.gid, extra_groups=[]) if person else {}
        popen = {"stdin": subprocess.DEVNULL, "stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL,
                 "cwd": "/", **popen}
        popen["env"] = {**self.environment(), **popen.get("env", {})}
        child = processes.spawn(list(words), start_new_session=True, **identity, **popen)
        self.begun.append(child)
        return child

    def python_as(self, person: Optional[Person], code: str, *words, wrapper: Sequence[str] = (),
                  **popen) -> subprocess.Popen:
        return self.start_as(person, [*wrapper, PYTHON, "-I", "-S", "-c", code, *map(str, words)], **popen)

    def do_as(self, person: Optional[Person], code: str, *words, seconds: float = 10, **popen) -> str:
        """Runs Python as that person to its end; what it printed."""
        child = self.python_as(person, code, *words, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, **popen)
        try:
            return child.communicate(timeout=seconds)[0].decode(errors="replace")
        except subprocess.TimeoutExpired:
            child.kill()
            return child.communicate()[0].decode(errors="replace") + "(did not end)"

    def victim(self, person: Optional[Person] = None) -> Victim:
        self.victims.append(Victim(self, person))
        return self.victims[-1]

    # Front ends

    def serve(self, front_end: str, *options: str, command: str = "", lines: Sequence[str] = (),
              person: Optional[Person] = SERVICE, settings: Sequence[str] = (), sections: Sequence[str] = (),
              **popen) -> Master:
        """A master of that front end whose service runs as another account. `options` and `lines` are what the attack
        needs besides: of the command line, of masterd's service."""
        if front_end == MASTERD:
            account = [f"user {person.name}"] if person else []
            restart = [] if any(line.startswith("restart") for line in lines) else [
                "restart always backoff 100ms 1s"]
            self.configure(section("program", "svc", command or "sleep 1000", *account, *restart, *lines), *sections,
                           settings=settings)
            return self.start(*options, **popen)
        if front_end == WORKERS:
            return self.start_workers(2, *([f"--user={person.name}"] if person else []), *options, **popen)
        program = [word for word in command.split()] or ["sleep", "1000"]
        account = [f"--user={person.name}"] if person else []
        words = [self.start_server, "--port=127.0.0.1:0", "--interval=0.1", f"--control-socket={self.control}",
                 f"--pid-file={self.pid_file}", *account, *options, "--", *program]
        child, _, err = self.spawn(words, "start_server", **popen)
        master = Master(child.pid, err, self.control, self.pid_file, child, err)
        self.running.append(master)
        master.wait(lambda: self._answers(master), "an answer of start_server")
        return master

    def _answers(self, master: Master) -> bool:
        with contextlib.suppress(Exception):
            return answers(master)
        return False

    def probe(self, master: Master, limit: float = PATIENCE) -> Probe:
        return Probe(self, master, limit)

    def service_of(self, master: Master) -> int:
        """The pid of a child that runs its program as the service's account."""
        def find() -> int:
            for pid in processes.children(master.pid):
                with contextlib.suppress(OSError, KeyError):
                    if str(SERVICE.uid) in processes.status(pid)["Uid"].split() and processes.alive(pid):
                        if os.readlink(f"/proc/{pid}/exe") != os.readlink(f"/proc/{master.pid}/exe"):
                            return pid
            return 0
        return master.wait(find, "a child of the service's account")

    def reopen(self, front_end: str, master: Master) -> None:
        """What logrotate does."""
        if front_end == START_SERVER:
            master.send(signal.SIGUSR1)
            return
        program = self.masterd if front_end == MASTERD else self.echod
        outcome = self.run("--reopen-logs", f"--pid-file={self.pid_file}", program=program)
        expect(outcome.code == 0, f"--reopen-logs {outcome}")

    def reload(self, front_end: str, master: Master, seconds: float = 10) -> None:
        answer = control.ask(master.socket, "reload", seconds)
        expect(answer.startswith("Success=1") or front_end == START_SERVER and "Success=0" not in answer,
               f"reload answers {answer!r}")

    def goes_on(self, master: Master) -> None:
        """It answers, reaps and restarts what is killed, and stops."""
        expect(master.code() is None, f"the master ended with {master.code()}")
        begin = time.monotonic()
        expect(answers(master), "it does not answer")
        self.note(f"then answers within {(time.monotonic() - begin) * 1000:.0f} ms")
        for pid in processes.children(master.pid)[:1]:
            processes.kill(pid)
            gone = eventually(lambda: processes.stat(pid)[0] == "X", PATIENCE + 2)
            expect(gone, f"the killed child {pid} is not reaped: {processes.stat(pid)[0]}")
        master.send(signal.SIGTERM)
        master.ends(None, 10)

    # The daemon alone

    def daemon(self, *options: str, person: Optional[Person] = SERVICE, program: str = "", pid_file: str = "",
               log_file: str = "", seconds: float = 10, **popen) -> Outcome:
        """echod in the background, dropped to an account; the launcher's outcome."""
        words = [*options]
        if not any(word.startswith(("--port", "--bind", "-b")) for word in options) and not program:
            words.append("--bind=127.0.0.1:0")
        account = [f"--user={person.name}"] if person else []
        return self.run(*words, *account, f"--pid-file={pid_file or self.pid_file}",
                        f"--log-file={log_file or self.log_file}", program=program or self.echod, seconds=seconds,
                        **popen)

    # The end

    def account(self) -> str:
        """An attack's own sentence says the most."""
        lines = super().account().splitlines()
        return "\n".join(lines if len(lines) <= 14 else lines[:4] + ["…"] + lines[-9:])

    def expect_no_files(self) -> None:
        """The files of an attack lie everywhere; what it left is the check's own matter."""

    def finish(self) -> None:
        for child in self.begun:
            if child.poll() is None:
                child.kill()
            child.wait()
        for master in self.running:
            if master.code() is None:
                master.send(signal.SIGTERM)
                master.ends(None, 10)

    def clear(self) -> None:
        for child in self.begun:
            if child.poll() is None:
                child.kill()
        for pid in processes.tagged(self.tag):
            processes.kill(pid, signal.SIGCONT)
        super().clear()
        for child in self.begun:
            child.wait()


@contextlib.contextmanager
def keep(sockets: Sequence[socket.socket]) -> Iterator[None]:
    try:
        yield
    finally:
        for sock in sockets:
            sock.close()


def answers(master: Master) -> bool:
    return bool(VERSION.fullmatch(master.ask("show version")))


def variables(pid: int) -> Dict[str, str]:
    """A process's environment, as root sees it."""
    with open(f"/proc/{pid}/environ", "rb") as file:
        entries = file.read().split(b"\0")
    return dict(entry.decode(errors="surrogateescape").split("=", 1) for entry in entries if b"=" in entry)
