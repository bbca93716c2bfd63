"""What echod prints with --print-service, and where etc/ keeps it; the manual pages that all four print; and what else is in etc/."""

from __future__ import annotations

import os
from typing import Dict, Sequence

from harness.checks import write
from harness.commands import must

FILES: Dict[str, str] = {
    "systemd": "systemd/echod.service",
    "systemd-socket": "systemd/echod.socket",
    "systemd-notify-reload": "systemd/echod.service.d/notify-reload.conf",
    "systemd@": "systemd/echod@.service",
    "systemd-socket@": "systemd/echod@.socket",
    "sysv": "init.d/echod",
    "openrc": "openrc/echod",
    "launchd": "launchd/local.echod.plist",
    "logrotate": "logrotate.d/echod",
    "logrotate@": "logrotate.d/echod@",
    "newsyslog": "newsyslog.d/echod.conf",
    "default": "default/echod",
    "daemonctl": "daemonkit/echod.conf",
    "kubernetes": "kubernetes/echod.yaml",
    "containerfile": "container/Containerfile.echod",
}
EXECUTABLE = ("sysv", "openrc")
# With which options: all instances at one address would be of no use.
OPTIONS: Dict[str, Sequence[str]] = {"systemd-socket@": ("--bind=unix:/run/echod/%i/socket",)}
OPTIONS["systemd@"] = OPTIONS["systemd-socket@"]
# What each program prints with --help-manual.
MANUALS: Dict[str, str] = {
    "echod": "man/echod.8",
    "masterd": "man/masterd.8",
    "start_server": "man/start_server.1",
    "daemonctl": "man/daemonctl.1",
}
# For programs under start_server, and for masterd.
HAND_WRITTEN = (*MANUALS.values(), "man/masterd.cfg.5", "systemd/start_server@.service",
                "start_server/echod.conf", "start_server/echod.env/KILL_OLD_DELAY",
                "start_server/echod.env/TZ", "logrotate.d/start_server", "masterd/masterd.cfg",
                "systemd/masterd.service", "systemd/masterd.service.d/notify-reload.conf",
                "systemd/masterd.service.d/children.conf", "systemd/start_server@.service.d/children.conf",
                "systemd/start_server@.service.d/notify-reload.conf",
                "systemd/echod@.service.d/notify-reload.conf", "init.d/start_server", "openrc/start_server",
                "init.d/masterd", "openrc/masterd", "default/masterd", "logrotate.d/masterd", "launchd/local.masterd.plist",
                "daemonkit/masterd.conf")
# What installs the others, and what the package is made with; Tests/Boot/run runs them.
INSTALLERS = ("install", "release", "debian/build", "debian/postinst", "debian/prerm", "debian/postrm", "debian/copyright",
              "debian/maintainer")


def service_file(echod: str, kind: str, *options: str) -> str:
    return must(echod, "--print-service", kind, *options)


def as_in_etc(echod: str, kind: str) -> str:
    return service_file(echod, kind, *OPTIONS.get(kind, ()))


def manual(program: str) -> str:
    return must(program, "--help-manual")


def mode(kind: str) -> int:
    return 0o755 if kind in EXECUTABLE else 0o644


def write_all(echod: str, etc: str) -> None:
    for kind, name in FILES.items():
        write(os.path.join(etc, name), as_in_etc(echod, kind), mode(kind))
    for program, name in MANUALS.items():
        write(os.path.join(etc, name), manual(os.path.join(os.path.dirname(echod), program)), 0o644)
