"""The load on a service of a machine: clients that come one after the other while something happens."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading

from harness import processes
from harness.processes import wait_for


CLIENT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "client.py")


class Load:
    def __init__(self, machine, port: int, clients: int = 4) -> None:
        self.clients = clients
        command = machine.entering(["--net"]) + [sys.executable, CLIENT, "127.0.0.1", str(port), str(clients)]
        self.counts = {"served": 0, "failed": 0, "slowest": 0.0, "reasons": {}}
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, encoding="utf-8",
                                         start_new_session=True)
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        for line in self._process.stdout:
            self.counts = json.loads(line)

    def __enter__(self) -> "Load":
        try:
            self.more(50)
        except BaseException:
            self.end()
            raise
        return self

    def __exit__(self, *_) -> None:
        self.end()

    def more(self, requests: int) -> None:
        """Returns when so many more have been served."""
        aim = self.counts["served"] + requests
        wait_for(f"{requests} requests served: {self.text}", lambda: self.counts["served"] >= aim)

    def end(self) -> None:
        if self._process.stdin.closed:
            return
        self._process.stdin.close()
        try:
            self._process.wait(40)
        except subprocess.TimeoutExpired:
            processes.end(self._process)
        self._reader.join()

    @property
    def served(self) -> int:
        return self.counts["served"]

    @property
    def failed(self) -> int:
        return self.counts["failed"]

    @property
    def text(self) -> str:
        reasons = f" {self.counts['reasons']}" if self.failed else ""
        return f"{self.served} served, {self.failed} failed{reasons}, slowest {self.counts['slowest'] * 1000:.0f} ms"
