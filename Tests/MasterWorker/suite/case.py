"""One check's arena: a directory of its own, the masters that it starts, and every process that comes of them."""

import json
import os
import socket
import sys
from typing import List, Optional, Sequence

from harness.arena import Arena
from harness.checks import expect, read
from harness.commands import Outcome
from harness.processes import PATIENCE, eventually
from harness.suites import BINARIES
from .master import Master

WORKERS = os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "workers")
SLEEPER = "sleep 1000"


def section(kind: str, name: str, command: str = SLEEPER, *lines: str) -> str:
    """A worker's or program's section; ready at once unless a line says otherwise."""
    usual = () if any(line.startswith("readiness") for line in lines) else ("readiness none",)
    return "".join([f"{kind} {name}\n", *(f"    {line}\n" for line in (f"command {command}", *usual, *lines))])


class Case(Arena):
    accounts = 2

    def __init__(self, binaries: str = BINARIES) -> None:
        super().__init__("mw-")
        self.binaries = binaries
        self.masterd, self.echod, self.faultd = (
            os.path.join(binaries, each) for each in ("masterd", "echod", "faultd"))
        self.records = self.path("records")
        os.mkdir(self.records)
        os.chmod(self.records, 0o777)
        self.pid_file, self.log_file, self.control = self.path("pid"), self.path("log"), self.path("control")
        self.configuration = self.path("m.cfg")
        self.expected_code = 0
        """What a master that still runs at the end has to end with."""

    # Files

    def touch(self, name: str) -> str:
        return self.write(name, "")

    def configure(self, *sections: str, settings: Sequence[str] = (), control: str = "", name: str = "m.cfg") -> str:
        """Writes the configuration; its path."""
        lines = [f"control-socket {control or self.control}", *settings]
        return self.write(name, "".join(["global\n", *(f"    {line}\n" for line in lines), *sections]))

    @property
    def files(self) -> List[str]:
        return [f"--pid-file={self.pid_file}", f"--log-file={self.log_file}"]

    def busy_port(self) -> "tuple[socket.socket, int]":
        sock = socket.socket()
        sock.bind(("127.0.0.1", 0))
        sock.listen()
        return sock, sock.getsockname()[1]

    # Commands

    def worker(self, name: str, *behaviour: str) -> str:
        """The words of our own worker as a command."""
        words = [sys.executable, "-I", "-S", os.path.join(WORKERS, "worker.py"), self.records, name, *behaviour]
        return " ".join(f'"{word}"' for word in words)

    def fixture(self, name: str, *arguments: str) -> str:
        return " ".join(f'"{word}"' for word in (os.path.join(WORKERS, name), *arguments))

    def start(self, *options: str, program: str = "", ready: bool = True, wrapper: Sequence[str] = (),
              configuration: Sequence[str] = (), seconds: float = PATIENCE, **popen) -> Master:
        """Starts masterd in the foreground as a child, and waits until it is ready."""
        files = configuration or [self.configuration]
        words = [*(word for file in files for word in ("-c", file)), *options]
        return self.begin([*wrapper, program or self.masterd, "-f", *self.files, *words], ready, seconds, popen)

    def start_workers(self, count: int, *options: str, program: str = "", ready: bool = True,
                      wrapper: Sequence[str] = (), **popen) -> Master:
        """Starts `NAME --workers N` in the foreground, and waits until it is ready; echod at a free port by default."""
        has_place = program or "-b" in options
        place = [] if has_place else ["-b", "127.0.0.1:0"]
        words = [program or self.echod, "-f", *self.files, *place, f"--workers={count}", "-S", self.control, *options]
        return self.begin([*wrapper, *words], ready, PATIENCE, popen)

    def begin(self, argv: List[str], ready: bool, seconds: float, popen: dict) -> Master:
        child, _, err = self.spawn(argv, f"master-{len(self.running)}", **popen)
        master = Master(child.pid, self.log_file, self.control, self.pid_file, child, err)
        self.running.append(master)
        return master.ready(seconds) if ready else master

    def run(self, *arguments: str, program: str = "", wrapper: Sequence[str] = (), **options) -> Outcome:
        """Runs masterd, or another program, to its end."""
        return self.finished([*wrapper, program or self.masterd, *arguments], **options)

    def launch(self, *options: str, **arguments) -> Master:
        """Starts masterd as a daemon, whose launcher has to end with 0 when it is ready."""
        outcome = self.run(*self.files, "-c", self.configuration, *options, **arguments)
        expect(outcome.code == 0, str(outcome))
        pid = read(self.pid_file).strip()
        expect(pid.isdigit(), f"pid file {pid!r} after {outcome}")
        master = Master(int(pid), self.log_file, self.control, self.pid_file)
        self.running.append(master)
        return master

    def refused(self, *options: str, seconds: float = PATIENCE) -> Outcome:
        """A start, detached and in the foreground, which has to fail with 1 and leave nothing; the second outcome."""
        for words in ([], ["-f"]):
            outcome = self.run(*words, *self.files, *(options or ["-c", self.configuration]), seconds=seconds)
            expect(outcome.code == 1, f"{' '.join(words)} {outcome}")
            expect(outcome.err.strip(), f"no reason: {outcome}")
            expect(eventually(lambda: not self.living(), 2), f"{outcome}, but it left {self.left()}")
            self.expect_no_files()
        return outcome

    # Our own worker's records

    def facts(self, name: str) -> List[dict]:
        """What each process of that name has written at its start, in order of time."""
        found = []
        for file in os.listdir(self.records):
            if file.startswith(f"{name}-") and file.endswith(".json"):
                with open(os.path.join(self.records, file), encoding="utf-8") as stream:
                    found.append(json.load(stream))
        return sorted(found, key=lambda facts: facts["time"])

    def met(self, name: str, count: int = 1, seconds: float = PATIENCE) -> dict:
        """The facts of the count-th process of that name, as soon as there are any."""
        eventually(lambda: len(self.facts(name)) >= count, seconds)
        found = self.facts(name)
        expect(len(found) >= count, f"waited for {count} processes of {name!r}, saw {len(found)}")
        return found[count - 1]

    def events(self, pid: int, name: Optional[str] = None) -> List[str]:
        lines = read(os.path.join(self.records, f"events-{pid}")).splitlines()
        events = [line.split(" ", 1)[1] for line in lines]
        return [event for event in events if name in (None, event)]

    def moment(self, pid: int, name: str) -> float:
        """When it happened first."""
        wanted = [line.split(" ", 1) for line in read(os.path.join(self.records, f"events-{pid}")).splitlines()]
        moments = [float(moment) for moment, event in wanted if event == name]
        expect(moments, f"{pid} has no event {name}")
        return moments[0]

    def happens(self, pid: int, name: str, count: int = 1, seconds: float = PATIENCE) -> None:
        found = eventually(lambda: len(self.events(pid, name)) >= count, seconds)
        expect(found, f"waited for {count} {name} of {pid}, saw {self.events(pid)}")

    def tell(self, pid: int, *words) -> None:
        """Tells one of our workers to do something that it may not survive."""
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sock:
            sock.sendto(json.dumps(words).encode(), os.path.join(self.records, f"remote-{pid}"))

    def order(self, pid: int, *words) -> None:
        """Tells one of our workers to do something, and waits until it has."""
        done = len(self.events(pid, f"done {words[0]}"))
        self.tell(pid, *words)
        if words[0] != "exit":
            self.happens(pid, f"done {words[0]}", done + 1)

    # The end

    def expect_nothing_left(self, seconds: float = 2) -> None:
        eventually(lambda: not self.living(), seconds)
        expect(not self.living(), f"processes are left: {self.left()}")
        self.expect_no_files()

    def expect_no_files(self) -> None:
        left = [name for name in os.listdir(self.directory) if name.startswith(("pid", "control", "socket"))]
        expect(not left, f"files are left: {left}")

    def finish(self) -> None:
        """Stops what still runs in the proper way, and finds out whether a process or a file is left."""
        killed = False
        for master in self.running:
            if master.code() is None:
                master.send(15)
                master.ends(self.expected_code)
            killed = killed or master.code() == -9
        if not killed:
            self.expect_nothing_left()
