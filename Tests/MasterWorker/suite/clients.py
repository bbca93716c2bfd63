"""Clients of the children's sockets, each with a time limit."""

import socket
import threading
import time
from typing import List, Tuple, Union

from harness.checks import expect
from .master import Master

Address = Union[str, Tuple[str, int]]


def port_of(master: Master) -> int:
    """The port that the master's log names."""
    return int(master.says(r"listening on 127\.0\.0\.1:(\d+)")[1])


def connect(address: Address, seconds: float = 5.0) -> socket.socket:
    sock = socket.socket(socket.AF_UNIX if isinstance(address, str) else socket.AF_INET)
    sock.settimeout(seconds)
    try:
        sock.connect(address)
    except BaseException:
        sock.close()
        raise
    return sock


def ask(address: Address) -> Tuple[int, int]:
    """Generation and pid of the worker of ours that answers."""
    with connect(address) as sock:
        answer = b""
        while chunk := sock.recv(100):
            answer += chunk
    generation, pid = answer.split()
    return int(generation), int(pid)


def serves(address: Address) -> bool:
    try:
        with connect(address, 1):
            return True
    except OSError:
        return False


class Echo:
    """A connection to echod."""

    def __init__(self, port: int) -> None:
        self.sock = connect(("127.0.0.1", port))

    def says(self, text: str = "hello", seconds: float = 5.0) -> bool:
        """Whether the text comes back in time."""
        self.sock.sendall(text.encode())
        return self.hears(text, seconds)

    def hears(self, text: str = "hello", seconds: float = 5.0) -> bool:
        self.sock.settimeout(seconds)
        heard = b""
        try:
            while len(heard) < len(text):
                chunk = self.sock.recv(4096)
                if not chunk:
                    return False
                heard += chunk
        except TimeoutError:
            return False
        return heard == text.encode()

    def __enter__(self) -> "Echo":
        return self

    def __exit__(self, *_) -> None:
        self.sock.close()


def echoes(port: int, text: str = "hello") -> bool:
    with Echo(port) as echo:
        return echo.says(text)


class Visitor:
    """Asks echod again and again from a thread, a new connection each time; every failure is kept."""

    def __init__(self, port: int, pause: float = 0.002) -> None:
        self.failures: List[str] = []
        self.requests = 0
        self.slowest = 0.0
        self._port, self._pause, self._over = port, pause, threading.Event()
        self._thread = threading.Thread(target=self._visit, daemon=True)
        self._thread.start()

    def _visit(self) -> None:
        while not self._over.is_set():
            begin = time.monotonic()
            try:
                if not echoes(self._port):
                    self.failures.append(f"cut off after {time.monotonic() - begin:.2f} s")
            except OSError as error:
                self.failures.append(f"{error!r} after {time.monotonic() - begin:.2f} s")
            self.requests += 1
            self.slowest = max(self.slowest, time.monotonic() - begin)
            time.sleep(self._pause)

    def __enter__(self) -> "Visitor":
        return self

    def __exit__(self, *_) -> None:
        self._over.set()
        self._thread.join(10)

    def is_content(self) -> None:
        self.__exit__()
        expect(not self.failures, f"{len(self.failures)} of {self.requests} requests failed: {self.failures[:3]}")
        expect(self.requests > 0, "no request was made")
