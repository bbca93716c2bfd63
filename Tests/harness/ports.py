"""Ports for subjects that cannot be asked which one they got."""

import random
import socket


def free_port(kind: int = socket.SOCK_STREAM) -> int:
    """A port outside the range from which the system picks, so that no other test gets it by chance."""
    while True:
        port = random.randrange(10000, 32000)
        with socket.socket(socket.AF_INET, kind) as sock:
            try:
                sock.bind(("0.0.0.0", port))
                return port
            except OSError:
                continue
