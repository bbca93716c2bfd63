"""What an administrator types, on one init and on the other."""

from __future__ import annotations

from harness.processes import wait_for
from .machine import Machine


class Systemd:
    name = "systemd"

    def __init__(self, machine: Machine) -> None:
        self.machine = machine

    def enable(self, *services: str) -> str:
        """Before the first start."""
        return self.machine.chroot("systemctl enable " + " ".join(services))

    def do(self, verb: str, service: str, seconds: float = 60) -> str:
        # The test starts more often than systemd allows by itself.
        self.machine.try_run(f"systemctl reset-failed {service}")
        return self.machine.run(f"systemctl {verb} {service}", seconds=seconds)

    def is_active(self, service: str) -> bool:
        return self.machine.holds(f"systemctl --quiet is-active {service}")

    def show(self, service: str, field: str) -> str:
        return self.machine.run(f"systemctl show --property {field} --value {service}").strip()

    def main_pid(self, service: str) -> int:
        return int(self.show(service, "MainPID"))

    def state(self, service: str) -> str:
        return self.machine.try_run(f"systemctl --no-pager --full --lines 12 status {service}").strip()

    def upgrade_signal(self, service: str) -> str:
        return self.machine.run(f"systemctl kill --signal USR2 --kill-whom main {service}")

    def await_restart(self, service: str, former: int, seconds: float = 30) -> int:
        """The main process that came after the former one, when it is ready."""
        wait_for(f"{service} active with another main process",
                 lambda: self.main_pid(service) not in (0, former) and self.is_active(service), seconds)
        return self.main_pid(service)


class SysvInit:
    name = "sysvinit"

    def __init__(self, machine: Machine) -> None:
        self.machine = machine

    def enable(self, *services: str) -> str:
        return self.machine.chroot("; ".join(f"update-rc.d {service} enable" for service in services))

    def do(self, verb: str, service: str, seconds: float = 60) -> str:
        return self.machine.run(f"service {service} {verb}", seconds=seconds)

    def is_active(self, service: str) -> bool:
        return self.machine.holds(f"service {service} status")

    def main_pid(self, service: str) -> int:
        return int(self.machine.read(f"/run/{service}/{service}.pid").strip() or 0)

    def state(self, service: str) -> str:
        return self.machine.try_run(f"service {service} status; tail -n 12 /var/log/{service}/{service}.log").strip()

    def upgrade_signal(self, service: str) -> str:
        return self.machine.run(f"kill -USR2 {self.main_pid(service)}")
