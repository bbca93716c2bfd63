"""Clients of the children's sockets, each with a time limit."""

from harness import clients
from harness.checks import expect
from harness.clients import Address, connect
from .master import Master


def port_of(master: Master) -> int:
    """The port that the master's log names."""
    return int(master.says(r"listening on 127\.0\.0\.1:(\d+)")[1])


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


class Visitor(clients.Visitor):
    """Asks echod again and again."""

    def __init__(self, port: int, pause: float = 0.002) -> None:
        self._port = port
        super().__init__(self._echo, pause)

    def _echo(self) -> None:
        if not echoes(self._port):
            raise ValueError("cut off")

    def is_content(self) -> None:
        self.__exit__()
        expect(not self.failures, f"{len(self.failures)} of {self.requests} requests failed: {self.failures[:3]}")
        expect(self.requests > 0, "no request was made")
