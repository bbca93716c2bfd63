"""What an administrator types, on one init and on the others."""

from __future__ import annotations

import os

from harness.checks import read
from harness.processes import wait_for
from harness.suites import REPOSITORY
from .machine import Machine


class Systemd:
    name = "systemd"

    def __init__(self, machine: Machine) -> None:
        self.machine = machine

    def prepare(self) -> None:
        """What the package does not bring."""

    def enable(self, *services: str) -> str:
        """Before the first start."""
        return self.machine.chroot("systemctl enable " + " ".join(services))

    def do(self, verb: str, service: str, seconds: float = 60) -> str:
        # The test starts more often than systemd allows by itself.
        self.machine.try_run(f"systemctl reset-failed {service}")
        return self.machine.run(f"systemctl {verb} {service}", seconds=seconds)

    def attempt(self, verb: str, service: str) -> str:
        return self.machine.try_run(f"systemctl {verb} {service}")

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

    def prepare(self) -> None:
        """What the package does not bring."""

    def enable(self, *services: str) -> str:
        return self.machine.chroot("; ".join(f"update-rc.d {service} enable" for service in services))

    def do(self, verb: str, service: str, seconds: float = 60) -> str:
        return self.machine.run(f"service {service} {verb}", seconds=seconds)

    def attempt(self, verb: str, service: str) -> str:
        return self.machine.try_run(f"service {service} {verb}")

    def is_active(self, service: str) -> bool:
        return self.machine.holds(f"service {service} status")

    def main_pid(self, service: str) -> int:
        path = "start_server/echod/pid" if service.startswith("start_server") else f"{service}/{service}.pid"
        return int(self.machine.read(f"/run/{path}").strip() or 0)

    def state(self, service: str) -> str:
        return self.machine.try_run(f"service {service} status; tail -n 12 /var/log/{service}/{service}.log").strip()

    def upgrade_signal(self, service: str) -> str:
        return self.machine.run(f"kill -USR2 {self.main_pid(service)}")


class OpenRC(SysvInit):
    """The pid files are in the same places."""
    name = "openrc"

    def prepare(self) -> None:
        """Its own scripts in the place of System V's, which it would run as well, with their settings."""
        for service in ("echod", "masterd", "start_server"):
            self.machine.write(f"/etc/init.d/{service}", read(os.path.join(REPOSITORY, "etc/openrc", service)), 0o755)
        self.machine.chroot("cp /etc/default/masterd /etc/conf.d/masterd && ln -s ../default/echod /etc/conf.d/echod")

    def enable(self, *services: str) -> str:
        return self.machine.chroot("; ".join(f"rc-update add {service} default" for service in services))

    def do(self, verb: str, service: str, seconds: float = 60) -> str:
        return self.machine.run(f"rc-service {service} {verb}", seconds=seconds)

    def attempt(self, verb: str, service: str) -> str:
        return self.machine.try_run(f"rc-service {service} {verb}")

    def is_active(self, service: str) -> bool:
        return self.machine.holds(f"rc-service {service} status")

    def state(self, service: str) -> str:
        return self.machine.try_run(f"rc-status; rc-service {service} status; "
                                    f"tail -n 12 /var/log/{service}/{service}.log").strip()


MANAGERS = {manager.name: manager for manager in (Systemd, SysvInit, OpenRC)}
