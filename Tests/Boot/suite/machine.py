"""A Debian system in a tmpfs, its init as process 1 of namespaces of its own."""

from __future__ import annotations

import glob
import os
import pty
import shlex
import signal
import subprocess
import threading
import time
from typing import List, Optional

from harness import processes
from harness.checks import Failed, read, write
from harness.commands import must, run
from harness.processes import wait_for
from . import images

ENTER = os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "enter")
PATH = "/usr/sbin:/usr/bin:/sbin:/bin"
CLEAN = ["/usr/bin/env", "-i", f"PATH={PATH}", "HOME=/root", "LC_ALL=C", "TERM=dumb", "DEBIAN_FRONTEND=noninteractive"]
# OpenRC is started by the init of System V.
COMMANDS = {
    "systemd": ["/sbin/init", "--system", "--unit=multi-user.target", "--show-status=1"],
    "sysvinit": ["/sbin/init"],
    "openrc": ["/sbin/init"],
}


class Machine:
    def __init__(self, init: str, work: str) -> None:
        self.init = init
        self.manager = images.SYSTEMS[init].manager
        self.root = os.path.join(work, f"root-{init}")
        self.console = os.path.join(work, f"console-{init}")
        # A file system of its own, because an init that ends makes its root read-only, wherever it is mounted.
        os.makedirs(self.root)
        images.mount("-t", "tmpfs", "-o", "mode=755,size=2g", "tmpfs", self.root)
        self._cgroups = os.path.join(work, "cgroup")
        if not os.path.isdir(self._cgroups):
            os.makedirs(self._cgroups)
            images.mount("-t", "cgroup2", "cgroup2", self._cgroups)
            self._tidy()
        self.cgroup = os.path.join(self._cgroups, f"daemonkit-boot-{os.getpid()}-{init}")
        self._unshare: Optional[subprocess.Popen] = None
        self.pid = 0

    def _tidy(self) -> None:
        """What a killed run has left: it could not remove its control groups."""
        for directory in glob.glob(os.path.join(self._cgroups, "daemonkit-boot-*")):
            if not os.path.exists(f"/proc/{directory.split('-')[-2]}"):
                for inner, _, _ in os.walk(directory, topdown=False):
                    self._remove(inner)

    # ---- Its files ---------------------------------------------------------------------------------------------------

    def path(self, path: str) -> str:
        """Where a file is seen from here; while it runs through its init, so that /run is seen as well."""
        return (f"/proc/{self.pid}/root" if self.pid else self.root) + path

    def write(self, path: str, text: str, mode: int = 0o644) -> None:
        write(self.path(path), text, mode)

    def read(self, path: str) -> str:
        return read(self.path(path))

    def files(self) -> set:
        """Everything on its disk, but for what is no package's and changes by itself."""
        passing = ["/tmp", "/var/tmp", "/run", "/var/log/journal", "/var/cache"]
        skipped = " -o ".join(f"-path {self.root}{directory}" for directory in passing)
        output = must("find", self.root, "-xdev", "(", *skipped.split(), ")", "-prune", "-o", "-print")
        return {line[len(self.root):] or "/" for line in output.splitlines()}

    def chroot(self, command: str, seconds: float = 60) -> str:
        """Runs while it is off."""
        return must("chroot", self.root, *CLEAN, "sh", "-c", command, seconds=seconds)

    # ---- Life --------------------------------------------------------------------------------------------------------

    def boot(self, seconds: float = 90) -> float:
        """Returns when its init has started everything; how long that took."""
        began = time.monotonic()
        # The init that has ended has left it read-only.
        images.mount("-o", "remount,rw", self.root)
        os.makedirs(self.cgroup, exist_ok=True)
        master, slave = pty.openpty()
        threading.Thread(target=self._copy_console, args=(master,), daemon=True).start()
        join = 'echo $$ >"$1/cgroup.procs"; shift; exec "$@"'
        # Ends with this process, however that ends, and takes all with it.
        prefix = ["setpriv", "--pdeathsig=KILL", "sh", "-c", join, "sh", self.cgroup]
        unshare = ["unshare", "--fork", "--kill-child", "--pid", "--mount", "--net", "--uts", "--ipc", "--cgroup"]
        self._unshare = subprocess.Popen(
            prefix + unshare + [ENTER, self.root, os.ttyname(slave), *COMMANDS[self.manager]],
            stdin=subprocess.DEVNULL, stdout=slave, stderr=slave, start_new_session=True)
        os.close(slave)
        self.pid = wait_for("process 1", self._child)
        wait_for("the init", lambda: self._is_init() or self._ended(), seconds=20)
        wait_for("the end of the start", lambda: self._is_up() or self._ended(), seconds)
        return time.monotonic() - began

    def _child(self) -> int:
        self._ended()
        return next(iter(processes.children(self._unshare.pid)), 0)

    @property
    def is_on(self) -> bool:
        return self._unshare is not None and self._unshare.poll() is None

    def _ended(self) -> None:
        if not self.is_on:
            raise Failed(f"{self.init} ended: {self.console_tail()}")

    def _is_init(self) -> bool:
        return processes.command(self.pid).startswith(("/sbin/init", "init"))

    def _is_up(self) -> bool:
        if self.manager != "systemd":
            return os.path.exists(self.path(images.BOOTED))
        return self.try_run("systemctl is-system-running").strip() in ("running", "degraded")

    def _copy_console(self, master: int) -> None:
        with open(self.console, "ab", buffering=0) as file:
            while True:
                try:
                    data = os.read(master, 4096)
                except OSError:
                    break
                if not data:
                    break
                file.write(data)
        os.close(master)

    def console_tail(self) -> str:
        return read(self.console)[-1500:] or "no console output"

    def power_off(self, seconds: float = 90) -> float:
        """Shuts down as an administrator does; how long that took."""
        self._ended()
        began = time.monotonic()
        self.try_run("systemctl poweroff" if self.manager == "systemd" else "init 0")
        try:
            self._unshare.wait(seconds)
        except subprocess.TimeoutExpired:
            raise Failed(f"not off after {seconds:.0f} s: {self.console_tail()}") from None
        finally:
            self.kill()
        return time.monotonic() - began

    def kill(self) -> None:
        """Ends what still runs of it, by the pid of its first process; the kernel ends the others."""
        if self._unshare is not None:
            if self._unshare.poll() is None:
                if self.pid:
                    os.kill(self.pid, signal.SIGKILL)
                else:
                    self._unshare.kill()
            self._unshare.wait()
        self._unshare = None
        self.pid = 0
        for directory, _, _ in os.walk(self.cgroup, topdown=False):
            wait_for(f"an empty {directory}", lambda directory=directory: self._remove(directory), seconds=10)

    @staticmethod
    def _remove(directory: str) -> bool:
        try:
            os.rmdir(directory)
        except FileNotFoundError:
            pass
        except OSError:
            return False
        return True

    # ---- Commands ----------------------------------------------------------------------------------------------------

    def entering(self, namespaces: List[str]) -> List[str]:
        return ["nsenter", f"--target={self.pid}", *namespaces, "--"]

    def _inside(self, command: str) -> List[str]:
        namespaces = ["--mount", "--pid", "--net", "--uts", "--ipc", "--cgroup"]
        return [*self.entering(namespaces), *CLEAN, "sh", "-c", command]

    def run(self, command: str, seconds: float = 60) -> str:
        """A shell command inside, which has to succeed; its output."""
        return must(*self._inside(command), seconds=seconds)

    def try_run(self, command: str, seconds: float = 60) -> str:
        return run(*self._inside(command), seconds=seconds).output

    def holds(self, command: str) -> bool:
        return run(*self._inside(command)).code == 0

    def pids_of(self, program: str) -> List[int]:
        """The pids, as seen inside, of those that run the program or its former version."""
        script = (f'for p in /proc/[0-9]*; do case $(readlink "$p/exe") in {shlex.quote(program)}|'
                  f'{shlex.quote(program)}" (deleted)") echo "${{p#/proc/}}";; esac; done')
        return sorted(int(word) for word in self.run(script).split())
