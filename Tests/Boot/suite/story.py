"""One init's story, from the installation to the end of the purged system."""

from __future__ import annotations

import os
from typing import Callable, Dict, List, Tuple

from harness.checks import Failed
from .images import Images
from .load import Load
from .machine import Machine
from .managers import MANAGERS
from .packages import Packages
from .report import Report

# Lines of a service's state that a failed step shows.
EXPLANATION = 14


class Story:
    def __init__(self, init: str, work: str, images: Images, debs: Packages, report: Report, only: str) -> None:
        self.init = init
        self.images = images
        self.debs = debs
        self.report = report
        self.only = only.lower()
        self.machine = Machine(init, work)
        # What else an upgrade must not disturb, with its port.
        self.more_services: Dict[str, int] = {}
        self.manager = MANAGERS[self.machine.manager](self.machine)

    def tell(self) -> None:
        from . import common, openrc, systemd, sysvinit
        self.report.title(f"{self.init}: the system")
        self.images.extract(self.init, self.machine.root)
        self.report.title(f"{self.init}: the story")
        own = {"systemd": systemd, "sysvinit": sysvinit, "openrc": openrc}[self.manager.name]
        try:
            for name, body in common.BEGIN:
                if not self._step(name, body):
                    return
            steps = [step for step in common.MIDDLE + own.STEPS if self.only in step[0].lower()] + own.END
            for name, body in steps:
                self._step(name, body)
                if not self.machine.is_on and name != common.LAST:
                    raise Failed(f"{self.init} has ended: {self.machine.console_tail()}")
        finally:
            self.machine.kill()

    def _step(self, name: str, body: Callable[["Story"], str]) -> bool:
        if self.report.step(self.init, name, lambda: body(self)):
            return True
        self._explain()
        return False

    def _explain(self) -> None:
        """What an administrator would look at."""
        if not self.machine.is_on:
            return
        for service in ("masterd", "echod"):
            try:
                for line in self.manager.state(service).splitlines()[-EXPLANATION:]:
                    self.report.note(f"{service}: {line.strip()[:200]}")
            except Failed as failure:
                self.report.note(str(failure))

    # ---- Words for the steps -----------------------------------------------------------------------------------------

    def load(self, port: int) -> Load:
        return Load(self.machine, port)

    def count(self, *loads: Load, may_fail: bool = False) -> str:
        """The load's end and its figures; a failed request is a failed step."""
        for load in loads:
            load.end()
            self.report.served += load.served
            if not may_fail:
                self.report.lost += load.failed
        text = "; ".join(load.text for load in loads)
        if not may_fail and any(load.failed for load in loads):
            raise Failed(text)
        return text

    def ask(self, port: int, seconds: float = 5) -> bool:
        """Whether one client is served at once."""
        client = (f"exec 3<>/dev/tcp/127.0.0.1/{port} && echo hello >&3"
                  f" && read -r -t {seconds} answer <&3 && [ $answer = hello ]")
        return self.machine.holds(f"timeout {seconds + 1} bash -c '{client}' 2>/dev/null")

    def copy_in(self, deb: str) -> str:
        """Where the package is inside."""
        inside = f"/var/tmp/{os.path.basename(deb)}"
        with open(deb, "rb") as source, open(self.machine.path(inside), "wb") as target:
            target.write(source.read())
        return inside


Steps = List[Tuple[str, Callable[[Story], str]]]
