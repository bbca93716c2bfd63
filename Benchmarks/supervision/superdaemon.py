"""A running superdaemon (or a bare worker) whose workers stamp what they do."""
import ctypes
import os
import select
import signal
import subprocess
import time
from dataclasses import dataclass, field
from pathlib import Path

from build import SCRATCH
from process import ENVIRONMENT

WORKER, PRELOAD = SCRATCH / "worker", SCRATCH / "preload.so"
PATIENCE = 20
RESEND = 4  # seconds until a HUP or TERM counts as lost: the original can miss one just before its wait(2)

libc = ctypes.CDLL(None, use_errno=True)
now = time.monotonic_ns


@dataclass
class Subject:
    name: str
    command: list
    is_ours: bool = True


@dataclass
class Start:
    """Times in ns. begun: before vfork and exec of the superdaemon or the bare worker."""
    pid: int
    parent: int
    generation: int
    begun: int
    main: int
    ready: int


@dataclass
class Told:
    """SIGTERM has reached this worker."""
    pid: int
    parent: int
    generation: int
    time: int


@dataclass
class Round:
    """From one HUP. status: when the status file held the new worker, 0 without one."""
    sent: int
    start: Start
    told: Told
    status: int


def adopt_orphans():
    """What loses its parent becomes our child (PR_SET_CHILD_SUBREAPER)."""
    libc.prctl(36, 1, 0, 0, 0)


def kill_children():
    """After a failure: everything that is still below this process."""
    while pids := Path(f"/proc/self/task/{os.getpid()}/children").read_text().split():
        for pid in map(int, pids):
            os.kill(pid, signal.SIGKILL)
            os.waitpid(pid, 0)


class Stamps:
    """The FIFO that workers write to, and the folder of the status file."""

    def __init__(self, fifo, folder):
        os.mkfifo(fifo)
        self.fifo = os.open(fifo, os.O_RDWR | os.O_NONBLOCK | os.O_CLOEXEC)
        self.watch = libc.inotify_init1(os.O_NONBLOCK | os.O_CLOEXEC)
        libc.inotify_add_watch(self.watch, os.fsencode(folder), 0x80)  # IN_MOVED_TO
        self.poll = select.poll()
        self.poll.register(self.fifo, select.POLLIN)
        self.poll.register(self.watch, select.POLLIN)
        self.partial = b""

    def wait(self, seconds):
        """(what was stamped, when the folder changed or 0); nothing after a time-out."""
        ready, time_seen = dict(self.poll.poll(seconds * 1000)), now()
        if self.watch in ready:
            os.read(self.watch, 65536)
        stamped = []
        if self.fifo in ready:
            *lines, self.partial = (self.partial + os.read(self.fifo, 65536)).split(b"\n")
            for line in lines:
                kind, *numbers = line.split()
                stamped.append((Start if kind == b"S" else Told)(*map(int, numbers)))
        return stamped, time_seen if self.watch in ready else 0

    def drain(self):
        while self.poll.poll(0):
            self.wait(0)

    def close(self):
        os.close(self.fifo)
        os.close(self.watch)


@dataclass
class Process:
    """A worker without a superdaemon, as it is; ends with `with`."""
    is_superdaemon = False
    name: str
    folder: Path
    command: list
    environment: dict = field(default_factory=dict)
    lost: int = 0

    def __post_init__(self):
        self.state = self.folder / "state"
        self.state.mkdir(parents=True)
        self.stamps = Stamps(self.folder / "stamps", self.state)
        environment = {**ENVIRONMENT, **self.environment, "BENCH_STAMP": self.folder / "stamps"}
        words = [str(word).replace("{folder}", str(self.folder)) for word in self.command]
        with open(self.folder / "err", "wb") as log:
            self.launcher = subprocess.Popen([WORKER, "launch", *words], env=environment, stdin=subprocess.DEVNULL,
                                             stdout=log, stderr=log)
        self.worker = self.started()
        self.pid = self.worker.parent if self.is_superdaemon else self.worker.pid

    def fail(self, what):
        raise RuntimeError(f"{self.name}: {what}; it said:\n{(self.folder / 'err').read_text()[-2000:]}")

    def started(self):
        """The next worker's start."""
        deadline = time.monotonic() + PATIENCE
        while (left := deadline - time.monotonic()) > 0:
            for stamp in self.stamps.wait(left)[0]:
                if isinstance(stamp, Start):
                    return stamp
        self.fail("no new worker")

    def stop(self):
        if self.launcher.returncode is not None:
            return
        for _ in range(PATIENCE // RESEND):
            os.kill(self.pid, signal.SIGTERM)
            try:
                code = self.launcher.wait(RESEND)
            except subprocess.TimeoutExpired:
                continue
            if self.is_superdaemon and code != 0:
                self.fail(f"ended with {code}")
            return
        self.fail("does not end on SIGTERM")

    def __enter__(self):
        return self

    def __exit__(self, *error):
        if error == (None, None, None):
            self.stop()
        else:
            kill_children()
        self.stamps.close()


class Superdaemon(Process):
    is_superdaemon = True

    def __init__(self, subject, folder, worker, options, **rest):
        self.status_file = folder / "state" / "status" if "--status-file={folder}/state/status" in options else None
        super().__init__(subject.name, folder, [*subject.command, *options, "--", *worker], **rest)

    def status_time(self, changes, start):
        """When the status file held this worker, which may be before the worker's main."""
        line = f"{start.generation}:{start.pid}" if start else None
        return next((seen for seen, status in changes if line in status), 0)

    def round(self):
        """One HUP; with interval 0 the old worker may be told to end before the new one's main."""
        self.stamps.drain()
        for _ in range(PATIENCE // RESEND):
            changes, start, told, status = [], None, None, 0
            sent = now()
            os.kill(self.pid, signal.SIGHUP)
            while not (start and told and (status or not self.status_file)):
                stamped, changed = self.stamps.wait(RESEND)
                if not stamped and not changed:
                    break
                for stamp in stamped:
                    if isinstance(stamp, Start):
                        start = stamp
                    elif stamp.pid == self.worker.pid:
                        told = stamp
                if changed and self.status_file:
                    changes.append((changed, self.status_file.read_text().split()))
                status = self.status_time(changes, start)
            else:
                self.worker = start
                return Round(sent, start, told, status)
            if start or told:
                self.fail("a round does not end")
            self.lost += 1
        self.fail("does nothing on SIGHUP")

    def crash(self):
        """The worker is killed; ns until its replacement's main."""
        self.stamps.drain()
        sent = now()
        os.kill(self.worker.pid, signal.SIGKILL)
        self.worker = self.started()
        return self.worker.main - sent
