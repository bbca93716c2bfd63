"""Clients of a subject's sockets, each with a time limit."""

import socket
import threading
import time
from typing import Callable, List, Tuple, Union

Address = Union[str, Tuple[str, int]]
"""A Unix socket's path, or a host and a port."""
SECONDS = 5.0


def connect(address: Address, seconds: float = SECONDS) -> socket.socket:
    family = socket.AF_UNIX if isinstance(address, str) else (
        socket.AF_INET6 if ":" in address[0] else socket.AF_INET)
    sock = socket.socket(family, socket.SOCK_STREAM)
    sock.settimeout(seconds)
    try:
        sock.connect(address)
    except BaseException:
        sock.close()
        raise
    return sock


def talk(address: Address, request: bytes = b"", seconds: float = SECONDS) -> bytes:
    """Everything that the other side says until it closes, within so much time for each piece."""
    with connect(address, seconds) as sock:
        if request:
            sock.sendall(request)
        answer = b""
        while chunk := sock.recv(65536):
            answer += chunk
        return answer


def ask(address: Address, seconds: float = SECONDS) -> Tuple[int, int]:
    """Generation and pid of the worker of ours that answers."""
    generation, pid = talk(address, seconds=seconds).split()
    return int(generation), int(pid)


class Visitor:
    """Asks again and again from a thread; the answers are kept, and every failure."""

    def __init__(self, ask: Callable[[], object], pause: float) -> None:
        self.answers: List[object] = []
        self.failures: List[str] = []
        self.slowest = 0.0
        self._ask, self._pause, self._over = ask, pause, threading.Event()
        self._thread = threading.Thread(target=self._visit, daemon=True)
        self._thread.start()

    @property
    def requests(self) -> int:
        return len(self.answers) + len(self.failures)

    def _visit(self) -> None:
        while not self._over.is_set():
            begin = time.monotonic()
            try:
                self.answers.append(self._ask())
            except (OSError, ValueError) as error:
                self.failures.append(f"{error!r} after {time.monotonic() - begin:.2f} s")
            self.slowest = max(self.slowest, time.monotonic() - begin)
            self._over.wait(self._pause)

    def __enter__(self) -> "Visitor":
        return self

    def __exit__(self, *_) -> None:
        self._over.set()
        self._thread.join(10)
