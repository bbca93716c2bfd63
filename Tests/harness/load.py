"""Load on loopback: clients that are processes of their own, and what disturbs the subject meanwhile."""

import json
import multiprocessing
import socket
import time
from collections import Counter
from typing import Callable, Iterator, Sequence, Tuple

from .checks import expect
from .moments import let_pass

TIMEOUT = 10.0
"""Seconds after which a request has failed."""
IP_BIND_ADDRESS_NO_PORT = 24


class Client:
    """Runs `visit(over, ...)`, which asks until the event `over` is set, and returns what JSON can carry."""

    def __init__(self, visit: Callable, over, *arguments: object) -> None:
        self._reader, writer = multiprocessing.Pipe(duplex=False)
        self._process = multiprocessing.Process(target=_send, args=(writer, visit, over, *arguments))
        self._process.start()
        writer.close()

    def result(self) -> dict:
        expect(self._reader.poll(TIMEOUT * 3), "a client does not end")
        result = json.loads(self._reader.recv())
        self._process.join()
        return result


def _send(writer, visit: Callable, *arguments: object) -> None:
    writer.send(json.dumps(visit(*arguments)))


def connect_from(source: str, address: Tuple[str, int]) -> socket.socket:
    """From one of many sources, so that no port is waited for; the port is picked at connect."""
    sock = socket.socket()
    sock.settimeout(TIMEOUT)
    sock.setsockopt(socket.IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, 1)
    sock.bind((source, 0))
    sock.connect(address)
    return sock


def at_even_times(begin: float, seconds: float, **counts: int) -> Iterator[str]:
    """Each name so many times, spread over the time; returns when the time is over."""
    moments = [(seconds * (index + 0.5 - place / 10) / count, name)
               for place, (name, count) in enumerate(counts.items()) for index in range(count)]
    for moment, name in sorted(moments):
        pause_until(begin + moment)
        yield name
    pause_until(begin + seconds)


def pause_until(moment: float) -> None:
    let_pass(moment - time.monotonic())


def show(failures: Sequence[str]) -> None:
    for text, count in Counter(failures).most_common(5):
        print(f"failed {count} times: {text}")
