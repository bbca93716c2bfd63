"""What a worker wrote down."""

import json
import os
from typing import Dict, List, Optional, Tuple

from harness import processes
from harness.clients import Address

Socket = Dict[str, object]


class Worker:
    def __init__(self, directory: str, facts: dict) -> None:
        self._events = os.path.join(directory, f"events-{facts['generation']}-{facts['pid']}")
        self.facts = facts
        self.generation: int = facts["generation"]
        self.pid: int = facts["pid"]
        self.environment: Dict[str, str] = facts["environment"]
        self.sockets: List[Tuple[str, int]] = [(key, number) for key, number in facts["sockets"]]

    def __repr__(self) -> str:
        return f"generation {self.generation}, pid {self.pid}"

    def __getitem__(self, name: str) -> object:
        return self.facts[name]

    @property
    def is_alive(self) -> bool:
        return processes.alive(self.pid)

    def socket(self, key: Optional[str] = None) -> Socket:
        """What the worker saw of the socket with the key, or of its only one."""
        for each, number in self.sockets:
            if key is None or each == key:
                return self.facts["details"][str(number)]
        raise KeyError(f"{key} is not in {self.sockets}")

    def address(self, key: Optional[str] = None) -> Address:
        """Where a client finds the socket."""
        name = self.socket(key)["name"]
        if isinstance(name, str):
            return name if name.startswith("/") else os.path.join(self.facts["cwd"], name)
        return ("127.0.0.1" if name[0] == "0.0.0.0" else name[0], name[1])

    def events(self, name: Optional[str] = None) -> List[Tuple[float, str]]:
        """Monotonic times and names of what happened to it, in order."""
        try:
            with open(self._events, encoding="utf-8") as file:
                pairs = [line.split() for line in file if line.endswith("\n")]
        except FileNotFoundError:
            pairs = []
        return [(float(moment), event) for moment, event in pairs if name is None or event == name]


def workers_in(directory: str) -> List[Worker]:
    found = []
    for name in os.listdir(directory):
        if name.startswith("worker-") and name.endswith(".json"):
            with open(os.path.join(directory, name), encoding="utf-8") as file:
                found.append(Worker(directory, json.load(file)))
    return sorted(found, key=lambda worker: (worker.generation, worker["time"]))
