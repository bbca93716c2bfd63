"""A running supervisor, in a folder of its own; everything below it ends with it."""
import ctypes
import os
import select
import shutil
import signal
import socket
import tempfile
import time
from contextlib import contextmanager
from pathlib import Path

from process import ENVIRONMENT, activity, memory_kib

PATIENCE = 30
RESEND = 3  # seconds until a signal to reload counts as lost
PR_SET_CHILD_SUBREAPER = 36

now = time.monotonic_ns


def fail(name, what, folder):
    said = (folder / "err").read_text(errors="replace")[-1500:] if (folder / "err").exists() else ""
    raise RuntimeError(f"{name}: {what}; it said:\n{said}")


@contextmanager
def temporary_folder():
    """What loses its parent becomes our child; after a failure whatever still runs below us is killed."""
    ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    folder = Path(tempfile.mkdtemp(prefix="masterworker-bench."))
    try:
        yield folder
    finally:
        kill_children()
        shutil.rmtree(folder, ignore_errors=True)


def children(pid):
    try:
        return [int(word) for task in os.listdir(f"/proc/{pid}/task")
                for word in Path(f"/proc/{pid}/task/{task}/children").read_text().split()]
    except (FileNotFoundError, ProcessLookupError):
        return []


def tree(root):
    found = [root]
    for pid in found:
        found += children(pid)
    return found


def kill_children():
    while pids := children(os.getpid()):
        for pid in pids:
            os.kill(pid, signal.SIGKILL)
            os.waitpid(pid, 0)


def free_port():
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


class Marks:
    """The FIFO that programs write their pid and the time of their main into."""

    def __init__(self, path):
        os.mkfifo(path)
        self.fifo = os.open(path, os.O_RDWR | os.O_NONBLOCK | os.O_CLOEXEC)
        self.poll = select.poll()
        self.poll.register(self.fifo, select.POLLIN)
        self.rest = b""

    def take(self, count, seconds=PATIENCE):
        """The next `count` marks as (pid, ns), or fewer when the time is over."""
        marks, deadline = [], time.monotonic() + seconds
        while len(marks) < count and (left := deadline - time.monotonic()) > 0:
            if self.poll.poll(left * 1000):
                *lines, self.rest = (self.rest + os.read(self.fifo, 1 << 16)).split(b"\n")
                marks += [tuple(map(int, line.split())) for line in lines]
        return marks

    def close(self):
        os.close(self.fifo)


class Running:
    """`prepare` writes the configuration into the folder and returns the command."""

    def __init__(self, subject, folder, prepare):
        folder.mkdir()
        self.subject, self.folder = subject, folder
        self.marks = Marks(folder / "fifo")
        command = [str(word) for word in prepare(folder)]
        environment = {**ENVIRONMENT, "BENCH_FIFO": f"{folder}/fifo"}
        log = os.open(folder / "err", os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
        null = os.open(os.devnull, os.O_RDONLY | os.O_CLOEXEC)
        actions = [(os.POSIX_SPAWN_DUP2, null, 0), (os.POSIX_SPAWN_DUP2, log, 1), (os.POSIX_SPAWN_DUP2, log, 2)]
        self.begun = now()
        self.pid = os.posix_spawn(command[0], command, environment, file_actions=actions)
        os.close(log)
        os.close(null)

    def fail(self, what):
        fail(self.subject.name, what, self.folder)

    def is_alive(self):
        return os.waitid(os.P_PID, self.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is None

    def wait_until(self, what, condition, seconds=PATIENCE):
        deadline = time.monotonic() + seconds
        while not (result := condition()):
            if time.monotonic() > deadline:
                self.fail(f"not within {seconds} s: {what}")
            if not self.is_alive():
                self.fail("it ended")
            time.sleep(0.005)
        return result

    def ended(self, pid):
        """When a process ended that may be no child of ours."""
        try:
            handle = os.pidfd_open(pid)
        except ProcessLookupError:
            return
        poll = select.poll()
        poll.register(handle, select.POLLIN)
        came = poll.poll(PATIENCE * 1000)
        os.close(handle)
        if not came:
            self.fail(f"process {pid} does not end")

    def stop(self):
        """The stop signal; returns when everything below us is gone, so nothing else may run."""
        def too_long(*_):
            raise TimeoutError
        old = signal.signal(signal.SIGALRM, too_long)
        try:
            # haproxy's may be lost.
            for _ in range(1 if self.subject.is_ours else 3):
                signal.alarm(PATIENCE // 2)
                if self.pid in children(os.getpid()):
                    os.kill(self.pid, self.subject.stop_signal)
                if self.all_gone():
                    return
            self.fail("does not end")
        finally:
            signal.alarm(0)
            signal.signal(signal.SIGALRM, old)
            self.marks.close()

    def all_gone(self):
        try:
            while True:
                os.waitpid(-1, 0)
        except ChildProcessError:
            return True
        except TimeoutError:
            return False

    def supervising(self, programs):
        """The pids of the processes that supervise, the programs and their like not among them."""
        return self.subject.supervising([pid for pid in tree(self.pid) if pid not in programs], self.pid)


def memory(pids):
    """RSS, PSS and private memory of all, in KiB."""
    return tuple(map(sum, zip(*map(memory_kib, pids))))


def work(pids):
    """Context switches and CPU ticks of all."""
    return tuple(map(sum, zip(*map(activity, pids))))


class Serving(Running):
    """With one worker that answers over HTTP with its pid."""

    def __init__(self, subject, folder):
        self.port = free_port()
        self.failures = 0
        super().__init__(subject, folder, lambda folder: subject.serving(folder, self.port))
        self.worker = self.wait_until("an answer", self.ask)
        # Ready for signals, and for commands.
        self.wait_until("the control socket", lambda: (folder / "control").exists())
        self.failures = 0

    @property
    def pids(self):
        return {self.worker}

    def ask(self):
        """The pid that answers; 0 for none."""
        try:
            with socket.create_connection(("127.0.0.1", self.port), timeout=5) as client:
                client.sendall(b"GET / HTTP/1.0\r\n\r\n")
                text = b""
                while more := client.recv(4096):
                    text += more
            return int(text.rpartition(b"\n")[2])
        except (OSError, ValueError):
            self.failures += 1
            return 0

    def next_worker(self, seconds=RESEND):
        """(when, pid) of the first answer of another worker; None where there is none."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            pid = self.ask()
            if pid not in (0, self.worker):
                return now(), pid
        return None

    def settled(self, pid):
        """The round is over: the old worker has gone, the master knows the new one; haproxy's loses signals before."""
        old, self.worker = self.worker, pid
        self.ended(old)
        self.wait_until("the new worker in 'show proc'", lambda: f"{pid} " in self.command("show proc", 1)[1])

    def reload_by_signal(self):
        """ns from USR2 to the first answer of the new worker; None: the signal was lost."""
        sent = now()
        os.kill(self.pid, signal.SIGUSR2)
        found = self.next_worker()
        if not found:
            return None
        self.settled(found[1])
        return found[0] - sent

    def connected(self, seconds):
        """To the control socket; haproxy's is away while it reloads."""
        def connect():
            client = socket.socket(socket.AF_UNIX)
            client.settimeout(seconds)
            try:
                client.connect(str(self.folder / "control"))
            except OSError:
                client.close()
                return None
            return client
        return self.wait_until("a session on the control socket", connect)

    def command(self, text, seconds=PATIENCE):
        """(ns from sending a command to the end of its answer, the answer)."""
        with self.connected(seconds) as client:
            sent, answer = now(), b""
            try:
                client.sendall(f"{text}\n".encode())
                while more := client.recv(65536):
                    answer += more
            except (ConnectionError, TimeoutError):
                if self.subject.is_ours:
                    raise
                # haproxy's master begins anew.
            return now() - sent, answer.decode(errors="replace")

    def reload_by_command(self):
        """ns to the end of the answer, and to the first answer of the new worker, looked for afterwards."""
        taken, _ = self.command("reload")
        answered = now()
        found = self.next_worker()
        if not found:
            return None
        self.settled(found[1])
        return taken, found[0] - answered + taken


class Echoing(Serving):
    """Its worker is echod, which does not say its pid."""

    def ask(self):
        try:
            with socket.create_connection(("127.0.0.1", self.port), timeout=5) as client:
                client.sendall(b"echo\n")
                return client.recv(16) == b"echo\n"
        except OSError:
            self.failures += 1
            return False


class Programs(Running):
    """With `count` programs that mark their starts."""

    def __init__(self, subject, folder, count, **more):
        super().__init__(subject, folder, lambda folder: subject.programs(folder, count, **more))
        marks = self.marks.take(count, PATIENCE + count / 20)
        self.pids = {pid for pid, _ in marks}
        self.start_time = max((time for _, time in marks), default=0) - self.begun
        if len(self.pids) != count:
            self.fail(f"{len(self.pids)} of {count} programs started")

    def kill(self):
        """kill -9 of a program; when it was sent."""
        sent = now()
        os.kill(self.pids.pop(), signal.SIGKILL)
        return sent

    def replaced(self, seconds=PATIENCE):
        """When a killed program's replacement reached its main; None: not within so many seconds."""
        for pid, time_of_main in self.marks.take(1, seconds):
            self.pids.add(pid)
            return time_of_main
        if seconds == PATIENCE:
            self.fail("a killed program is not started again")
        return None

    def crash(self):
        sent = self.kill()
        return self.replaced() - sent
