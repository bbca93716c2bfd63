"""Debian's minimal systems, one for each init, made once and kept as tar files."""

from __future__ import annotations

import glob
import hashlib
import os
import shutil
from typing import Callable, Dict, List, NamedTuple

from harness.checks import Failed, Unavailable, write
from harness.commands import must, run


# What debootstrap can put into a base without any init.
COMMON = ["adduser", "libgcc-s1", "libstdc++6", "procps"]


class System(NamedTuple):
    suite: str
    """Debian's release."""
    manager: str
    """Whose words are spoken there; see managers.py."""
    packages: List[str]
    """What its init is, after the common base."""


SYSTEMS: Dict[str, System] = {
    # systemd 252, which does not know Type=notify-reload.
    "systemd": System("bookworm", "systemd", ["systemd", "systemd-sysv", "logrotate"]),
    "sysvinit": System("bookworm", "sysvinit",
                       ["sysvinit-core", "initscripts", "insserv", "startpar", "sysv-rc", "logrotate"]),
    # systemd 257, which does.
    "systemd-trixie": System("trixie", "systemd", ["systemd", "systemd-sysv", "logrotate"]),
    "openrc": System("trixie", "openrc",
                     ["sysvinit-core", "initscripts", "openrc", "logrotate", "systemd-standalone-sysusers"]),
}
# To be changed with what is done to an image here.
RECIPE = "1"
# Scripts for what is not the system's own: clock, screen, kernel.
FOREIGN = ["brightness", "hwclock.sh", "mount-configfs"]
# The last line of the sysvinit's start: how the test knows that it has ended.
BOOTED = "/run/booted"


class Images:
    def __init__(self, directory: str, work: str, say: Callable[[str], None]) -> None:
        self.directory = directory
        self.work = work
        self.say = say
        os.makedirs(directory, exist_ok=True)

    def extract(self, init: str, root: str) -> None:
        must("tar", "-C", root, "-xf", self.image(init), seconds=120)

    def image(self, init: str) -> str:
        system = SYSTEMS[init]
        path = self._path(f"{system.suite}-{system.manager}", COMMON + system.packages)
        if not os.path.exists(path):
            try:
                self._make(path, init, self._add_init)
            except Failed as failure:
                # The network, most often.
                raise Unavailable(f"no system to boot: {failure}") from None
        return path

    def _base(self, suite: str) -> str:
        path = self._path(f"{suite}-base", COMMON)
        if not os.path.exists(path):
            self._make(path, suite, self._debootstrap)
        return path

    def _path(self, name: str, packages: list) -> str:
        """Another list of packages, or another way to make them, is another image."""
        digest = hashlib.sha256(" ".join([RECIPE, *packages]).encode()).hexdigest()[:12]
        return os.path.join(self.directory, f"{name}-{digest}.tar")

    def _make(self, path: str, name: str, make: Callable[[str, str], None]) -> None:
        self.say(f"making {path}")
        root = os.path.join(self.work, f"image-{name}")
        os.makedirs(root)
        # In memory, because dpkg waits for the disk at every file.
        mount("-t", "tmpfs", "-o", "mode=755,size=2g", "tmpfs", root)
        make(root, name)
        for old in glob.glob(f"{path.rpartition('-')[0]}-*.tar"):
            os.unlink(old)
        partial = f"{path}.{os.getpid()}"
        must("tar", "-C", root, "--exclude=./var/cache/apt/*", "--exclude=./var/lib/apt/lists/*", "--exclude=./dev/*",
             "-cf", partial, ".", seconds=120)
        os.rename(partial, path)
        must("umount", root)

    def _debootstrap(self, root: str, suite: str) -> None:
        packages = os.path.join(self.directory, "packages")
        os.makedirs(packages, exist_ok=True)
        # What apt has fetched already need not be fetched again.
        for package in glob.glob("/var/cache/apt/archives/*.deb"):
            shutil.copy(package, packages)
        options = ["--variant=minbase", f"--include={','.join(COMMON)}", f"--cache-dir={packages}"]
        must("debootstrap", *options, suite, root, seconds=420)

    def _add_init(self, root: str, init: str) -> None:
        system = SYSTEMS[init]
        must("tar", "-C", root, "-xf", self._base(system.suite), seconds=120)
        # No service starts while it is installed.
        denial = os.path.join(root, "usr/sbin/policy-rc.d")
        write(denial, "#!/bin/sh\nexit 101\n", 0o755)
        shutil.copy("/etc/resolv.conf", os.path.join(root, "etc/resolv.conf"))
        mount("--bind", "/dev", os.path.join(root, "dev"))
        mount("-t", "proc", "proc", os.path.join(root, "proc"))
        quiet = {**os.environ, "DEBIAN_FRONTEND": "noninteractive", "LC_ALL": "C"}
        try:
            must("chroot", root, "apt-get", "-qq", "update", seconds=120, env=quiet)
            must("chroot", root, "apt-get", "-qq", "-y", "--no-install-recommends", "install", *system.packages,
                 seconds=180, env=quiet)
        finally:
            for directory in ("dev", "proc"):
                run("umount", os.path.join(root, directory))
        os.unlink(denial)
        if system.manager != "systemd":
            for script in FOREIGN:
                must("chroot", root, "update-rc.d", script, "remove")
            self._adapt_inittab(os.path.join(root, "etc/inittab"))

    @staticmethod
    def _adapt_inittab(path: str) -> None:
        """There are no terminals to log in at; and a mark when the start is done."""
        with open(path, encoding="utf-8") as file:
            lines = [line for line in file if "getty" not in line]
        write(path, "".join(lines) + f"bt:2:once:/bin/touch {BOOTED}\n", 0o644)


def mount(*arguments: str) -> None:
    must("mount", *arguments)
