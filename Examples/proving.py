"""What the scripts `prove` of the examples share: a daemon with workers, and clients that count.

Everything runs on 127.0.0.1; every wait has a limit."""

import collections
import contextlib
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time

LIMIT = 60  # seconds for one wait

sys.stdout.reconfigure(line_buffering=True)


def until(condition, what, limit=LIMIT):
    """Looks again and again until the condition holds, and gives what it gave."""
    end = time.monotonic() + limit
    while not (result := condition()):
        if time.monotonic() > end:
            raise SystemExit(f"FAILED: {what} within {limit} s")
        time.sleep(0.01)
    return result


def free_port():
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


def read_all(client):
    answer = b""
    while some := client.recv(65536):
        answer += some
    return answer


class Daemon:
    """`--workers`, in the foreground, with a copy of its executable that can be replaced. Use it with `with`."""

    def __init__(self, bin, name, *options, workers=4, environment=None):
        self.name = name
        self.source = f"{bin}/{name}"
        self.options = options
        self.workers = workers
        self.environment = os.environ | (environment or {})
        self.refused = 0
        self.upgrades = 0

    def __enter__(self):
        self.stack = contextlib.ExitStack()
        self.directory = self.stack.enter_context(tempfile.TemporaryDirectory())
        self.port = free_port()
        self.program = f"{self.directory}/{self.name}"
        shutil.copy(self.source, self.program)
        # As in a container: the log is standard error, where the runtime's words about a crash stand as well.
        with open(f"{self.directory}/log", "ab") as log:
            self.master = subprocess.Popen(
                [self.program, "--foreground", "--workers", str(self.workers), "--bind", f"127.0.0.1:{self.port}",
                 "--control-socket", f"{self.directory}/control", "--pid-file", f"{self.directory}/pid",
                 "--log-file", "-", *self.options],
                env=self.environment, stdout=subprocess.DEVNULL, stderr=log)
        try:
            until(lambda: self.is_ready() or self.master.poll() is not None, f"{self.name} does not serve")
            if self.master.poll() is not None:
                raise SystemExit(f"FAILED: {self.name} ended with {self.master.returncode}\n{self.log}")
        except BaseException:
            self.__exit__(None, None, None)
            raise
        return self

    def __exit__(self, *_):
        with self.stack:
            self.stop()

    def stop(self):
        """Ends it as its service manager would, and gives the exit status."""
        if self.master.poll() is None:
            self.master.send_signal(signal.SIGTERM)
        try:
            return self.master.wait(LIMIT)
        except subprocess.TimeoutExpired:
            for pid in self.children():
                os.kill(pid, signal.SIGKILL)
            self.master.kill()
            return self.master.wait()

    def children(self):
        with open(f"/proc/{self.master.pid}/task/{self.master.pid}/children") as file:
            return [int(word) for word in file.read().split()]

    @property
    def log(self):
        with contextlib.suppress(OSError), open(f"{self.directory}/log", errors="replace") as file:
            return file.read()
        return ""

    def ask(self, words):
        """What the control socket answers."""
        with socket.socket(socket.AF_UNIX) as client:
            client.settimeout(2 * LIMIT)
            client.connect(f"{self.directory}/control")
            client.sendall(f"{words}\n".encode())
            client.shutdown(socket.SHUT_WR)
            return read_all(client).decode()

    def is_ready(self):
        with contextlib.suppress(OSError):
            return "Success=1" in self.ask(f"wait ready {LIMIT}")
        return False

    def reload(self, count=1):
        """Replaces the workers; gives the seconds that one took."""
        begin = time.monotonic()
        for _ in range(count):
            self.refused += "Success=1" not in self.ask("reload")
        return (time.monotonic() - begin) / max(1, count)

    def upgrade(self, count=1):
        """Puts a new file in the executable's place, as a package manager does it, and takes it over."""
        for _ in range(count):
            self.upgrades += 1
            shutil.copy(self.source, f"{self.program}.next")
            with open(f"{self.program}.next", "ab") as file:
                file.write(b"%d\n" % self.upgrades)
            os.rename(f"{self.program}.next", self.program)
            self.refused += "Not upgraded" in self.ask("upgrade")
            self.refused += not self.is_ready()

    def reopen(self):
        """SIGHUP, and its end in all workers: they have read their files again."""
        self.master.send_signal(signal.SIGHUP)


class Load:
    """Clients in threads of their own; each runs its function again and again, which raises where an answer is missing.

    kinds: name -> (number of clients, function). A function gets a dictionary of its client's own, for what it keeps from
    one request to the next."""

    def __init__(self, kinds):
        self.kinds = kinds
        self.ok = collections.Counter()
        self.failures = collections.defaultdict(collections.Counter)
        self.lock = threading.Lock()
        self.ending = threading.Event()
        self.threads = [
            threading.Thread(target=self.client, args=(kind, function), daemon=True)
            for kind, (count, function) in kinds.items() for _ in range(count)]

    def __enter__(self):
        for thread in self.threads:
            thread.start()
        return self

    def __exit__(self, *_):
        self.ending.set()
        for thread in self.threads:
            thread.join(LIMIT)

    def client(self, kind, function):
        kept = {}
        while not self.ending.is_set():
            try:
                function(kept)
                with self.lock:
                    self.ok[kind] += 1
            except Exception as error:  # Whatever it is, this request has failed.
                kept.clear()
                with self.lock:
                    self.failures[kind][f"{type(error).__name__}: {error}"] += 1

    @property
    def answered(self):
        return sum(self.ok.values())

    @property
    def failed(self):
        return sum(sum(counter.values()) for counter in self.failures.values())

    def report(self, title):
        print(f"{title}: {self.answered} answered, {self.failed} failed")
        for kind in self.kinds:
            failed = sum(self.failures[kind].values())
            print(f"  {kind:24}{self.ok[kind]:8} answered, {failed} failed")
            for failure, count in self.failures[kind].most_common(3):
                print(f"    {count} {failure}")


def end(condition, text):
    """The last line, and the exit status."""
    if not condition:
        sys.exit("FAILED: see above")
    print(f"ok: {text}")
