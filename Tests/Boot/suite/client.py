"""Clients of an echo server, one connection for each request, until standard input ends.

client.py HOST PORT THREADS: prints its counts as JSON lines, ten times a second and at the end. A program of its own,
because it runs in the network of the system under test.
"""

import collections
import json
import socket
import sys
import threading
import time

LIMIT = 15.0
PAUSE = 0.004


class Counts:
    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.served = 0
        self.failed = 0
        self.slowest = 0.0
        self.reasons = collections.Counter()

    def text(self) -> str:
        with self.lock:
            return json.dumps({"served": self.served, "failed": self.failed, "slowest": self.slowest,
                               "reasons": dict(self.reasons)})


def request(address, line: bytes) -> None:
    with socket.create_connection(address, timeout=LIMIT) as connection:
        connection.sendall(line)
        answer = b""
        while len(answer) < len(line):
            part = connection.recv(4096)
            if not part:
                raise ConnectionError("closed before the answer")
            answer += part
        if answer != line:
            raise ConnectionError("another answer")


def client(address, name: int, counts: Counts, ended: threading.Event) -> None:
    number = 0
    while not ended.is_set():
        number += 1
        began = time.monotonic()
        reason = None
        try:
            request(address, f"client {name} request {number}\n".encode())
        except OSError as error:
            reason = str(error)
        with counts.lock:
            counts.slowest = max(counts.slowest, time.monotonic() - began)
            if reason is None:
                counts.served += 1
            else:
                counts.failed += 1
                counts.reasons[reason] += 1
        time.sleep(PAUSE)


def main() -> None:
    address = (sys.argv[1], int(sys.argv[2]))
    counts = Counts()
    ended = threading.Event()
    threads = [threading.Thread(target=client, args=(address, name, counts, ended)) for name in range(int(sys.argv[3]))]
    for thread in threads:
        thread.start()

    def tell() -> None:
        while not ended.wait(0.1):
            print(counts.text(), flush=True)

    teller = threading.Thread(target=tell)
    teller.start()
    sys.stdin.read()
    ended.set()
    for thread in threads + [teller]:
        thread.join()
    print(counts.text(), flush=True)


if __name__ == "__main__":
    main()
