"""Real clients on loopback, and what they saw: processes of their own, which do nothing else."""

import multiprocessing
import socket
import time
from dataclasses import dataclass, field
from typing import List

from harness import load
from harness.load import Client

MESSAGE = b"GET / HTTP/1.0\r\n\r\n"


@dataclass
class Seen:
    requests: int = 0
    failures: List[str] = field(default_factory=list)
    retried: int = 0
    """Requests on a kept connection that was properly ended before any answer, and were answered on the next."""
    slowest: float = 0.0
    connections: int = 0

    def add(self, other: dict) -> None:
        self.requests += other["requests"]
        self.failures += other["failures"]
        self.retried += other["retried"]
        self.connections += other["connections"]
        self.slowest = max(self.slowest, other["slowest"])

    def __str__(self) -> str:
        return (f"{self.requests} requests over {self.connections} connections, {len(self.failures)} failed, "
                f"{self.retried} sent again after a proper end, slowest {self.slowest * 1000:.0f} ms")


class Ended(Exception):
    """The other side said that it ends the connection, before any answer."""


class Load:
    """Half of the clients connect for each request, the others keep their connection."""

    def __init__(self, port: int, clients: int = 4, pause: float = 0.0) -> None:
        self._over = multiprocessing.Event()
        self._clients = [Client(_visit, self._over, number, port, number % 2 == 1, pause) for number in range(clients)]

    def end(self) -> Seen:
        self._over.set()
        seen = Seen()
        for client in self._clients:
            seen.add(client.result())
        load.show(seen.failures)
        return seen


def _connect(number: int, count: int, port: int) -> socket.socket:
    sock = load.connect_from(f"127.0.{10 + number}.{1 + count % 200}", ("127.0.0.1", port))
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return sock


def _ask(sock: socket.socket) -> None:
    try:
        sock.sendall(MESSAGE)
    except BrokenPipeError:
        raise Ended() from None
    answer = b""
    while len(answer) < len(MESSAGE):
        chunk = sock.recv(4096)
        if not chunk:
            if not answer:
                raise Ended()
            raise ValueError(f"cut off after {answer!r}")
        answer += chunk
    if answer != MESSAGE:
        raise ValueError(f"the answer {answer!r}")


def _visit(over, number: int, port: int, keeps: bool, pause: float) -> dict:
    """Asks as fast as it can, or with a pause: by a new connection each time, or by a kept one."""
    seen = Seen()
    sock = None
    while not over.is_set():
        for _ in range(20):      # a look at the event costs as much as a request
            begin = time.monotonic()
            seen.requests += 1
            is_new = sock is None
            try:
                if is_new:
                    seen.connections += 1
                    sock = _connect(number, seen.connections, port)
                try:
                    _ask(sock)
                except Ended:
                    if is_new:
                        raise ValueError("a new connection was ended without an answer") from None
                    seen.retried += 1
                    seen.connections += 1
                    sock.close()
                    sock = _connect(number, seen.connections, port)
                    _ask(sock)
            except (OSError, ValueError, Ended) as error:
                seen.failures.append(repr(error))
                if sock is not None:
                    sock.close()
                sock = None
            if not keeps and sock is not None:
                sock.close()
                sock = None
            seen.slowest = max(seen.slowest, time.monotonic() - begin)
            if pause:
                time.sleep(pause)
    return seen.__dict__
