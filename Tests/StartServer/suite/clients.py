"""Clients of the workers' sockets, each with a time limit."""

import socket
from typing import List, Tuple

from harness import clients
from harness.clients import Address, ask


def ask_datagram(address: Address) -> Tuple[int, int]:
    with socket.socket(socket.AF_INET6 if ":" in address[0] else socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.settimeout(5)
        sock.sendto(b"?", address)
        generation, pid = sock.recv(100).split()
        return int(generation), int(pid)


class Visitor(clients.Visitor):
    """Asks a worker of ours again and again."""

    def __init__(self, address: Address) -> None:
        super().__init__(lambda: ask(address)[0], 0.005)

    @property
    def generations(self) -> List[object]:
        return self.answers
