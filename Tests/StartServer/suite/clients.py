"""Clients of the sockets, each with a time limit."""

import socket
import threading
import time
from typing import List, Tuple

from .records import Address


def connect(address: Address, seconds: float = 5.0) -> socket.socket:
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


def talk(address: Address, request: bytes = b"", seconds: float = 5.0) -> bytes:
    """Everything that the other side says until it closes."""
    with connect(address, seconds) as sock:
        if request:
            sock.sendall(request)
        answer = b""
        while chunk := sock.recv(65536):
            answer += chunk
        return answer


def ask(address: Address, seconds: float = 5.0) -> Tuple[int, int]:
    """Generation and pid of the worker that answers."""
    generation, pid = talk(address, seconds=seconds).split()
    return int(generation), int(pid)


def ask_datagram(address: Address) -> Tuple[int, int]:
    with socket.socket(socket.AF_INET6 if ":" in address[0] else socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.settimeout(5)
        sock.sendto(b"?", address)
        generation, pid = sock.recv(100).split()
        return int(generation), int(pid)


class Visitor:
    """Asks again and again from a thread, a new connection each time; every failure is kept."""

    def __init__(self, address: Address, pause: float = 0.005) -> None:
        self.failures: List[str] = []
        self.generations: List[int] = []
        self._address, self._pause, self._over = address, pause, threading.Event()
        self._thread = threading.Thread(target=self._visit, daemon=True)
        self._thread.start()

    def _visit(self) -> None:
        while not self._over.is_set():
            begin = time.monotonic()
            try:
                self.generations.append(ask(self._address)[0])
            except (OSError, ValueError) as error:
                self.failures.append(f"{error!r} after {time.monotonic() - begin:.2f} s")
            time.sleep(self._pause)

    def __enter__(self) -> "Visitor":
        return self

    def __exit__(self, *_) -> None:
        self._over.set()
        self._thread.join(10)
