"""This machine's file tree under a scratch layer, in namespaces of its own: mounts, processes, network.

An administrator's commands run in it as they stand in the README; what they make is gone when the staging ends, with
every process that is left in it. Needs root and overlayfs.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from typing import List, Optional

from harness.checks import Unavailable, needs, read
from harness.commands import Result, run
from harness.processes import end, wait_for
from .case import Case

# A process 1 that ignores SIGCHLD reaps orphans without doing anything; it ends when its standard input does.
SETUP = """
set -e
mount -t tmpfs none "$1"
mkdir "$1/upper" "$1/work" "$1/root"
mount -t overlay none -o "lowerdir=/,upperdir=$1/upper,workdir=$1/work" "$1/root"
mount --rbind /dev "$1/root/dev"
mount -t proc none "$1/root/proc"
mount -t tmpfs none "$1/root/run"
ip link set lo up
touch "$1/root/$2"
cd "$1/root"
echo ready
exec env --ignore-signal=CHLD chroot "$1/root" cat
"""
# Only the staging's root has it: what is written before the change of the root would end in the machine's own.
MARK = "/.staging"
SPACES = ["--mount", "--pid", "--net", "--ipc", "--uts"]
ENVIRONMENT = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL": "C"}
PID_FILE = "/run/echod/echod.pid"
LOG = "/var/log/echod/echod.log"
ACCOUNT = ["useradd", "--system", "--user-group", "--no-create-home", "--shell", "/usr/sbin/nologin", "echod"]


class Staging:
    """Use it as `with Staging(case) as stage`."""

    def __init__(self, case: Case) -> None:
        if os.geteuid() != 0:
            raise Unavailable("needs root, for a staging of its own")
        for tool in ("unshare", "nsenter", "ip", "mount"):
            needs(tool)
        self.case = case
        self._directory = case.path("staging")
        self._first = 0
        os.mkdir(self._directory)

    def __enter__(self) -> "Staging":
        self._unshare = self.case.ends_with_check(subprocess.Popen(
            ["unshare", *SPACES, "--fork", "--kill-child", "sh", "-c", SETUP, "sh", self._directory, MARK],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, encoding="utf-8"))
        assert self._unshare.stdin and self._unshare.stdout
        answer = self._unshare.stdout.readline()
        if answer != "ready\n":
            self.__exit__()
            raise Unavailable(f"no staging here: {answer.strip()}")
        outer = self._unshare.pid
        self._first = int(read(f"/proc/{outer}/task/{outer}/children"))
        wait_for("the staging's root", lambda: os.path.exists(self.path(MARK)))
        return self

    def __exit__(self, *exception: object) -> None:
        assert self._unshare.stdin and self._unshare.stdout
        self._unshare.stdin.close()
        try:
            self._unshare.wait(timeout=10)
        except subprocess.TimeoutExpired:
            end(self._unshare)
        self._unshare.stdout.close()

    def path(self, path: str) -> str:
        """The same file as seen from here."""
        return f"/proc/{self._first}/root{path}"

    def command(self, *command: str) -> List[str]:
        return ["nsenter", "--target", str(self._first), *SPACES, "--root", "--wd", *command]

    def run(self, *command: str, text: str = "") -> Result:
        """As init runs it: almost no environment, in the root directory."""
        return run(*self.command(*command), text=text, env=ENVIRONMENT)

    def must(self, *command: str, text: str = "") -> str:
        result = self.run(*command, text=text)
        assert result.code == 0, f"{' '.join(command)}: exit code {result.code}: {result.output}"
        return result.output

    # What the checks put in and look at.

    def copy(self, source: str, target: str, mode: int = 0o644) -> None:
        os.makedirs(os.path.dirname(self.path(target)), exist_ok=True)
        shutil.copyfile(source, self.path(target))
        os.chmod(self.path(target), mode)

    def write(self, path: str, text: str) -> None:
        with open(self.path(path), "w", encoding="utf-8") as file:
            file.write(text)

    def install(self) -> None:
        """Program, account, settings, init script, rotation."""
        self.copy(self.case.echod, "/usr/sbin/echod", 0o755)
        self.copy(self.case.etc("default/echod"), "/etc/default/echod")
        self.copy(self.case.etc("init.d/echod"), "/etc/init.d/echod", 0o755)
        self.copy(self.case.etc("logrotate.d/echod"), "/etc/logrotate.d/echod")
        self.must(*ACCOUNT)

    def service(self, *verbs: str, name: str = "echod") -> Result:
        return self.run("env", "-i", f"PATH={ENVIRONMENT['PATH']}", f"/etc/init.d/{name}", *verbs)

    def pid(self, path: str = PID_FILE) -> Optional[int]:
        """What the pid file says, as counted within; None where there is none."""
        text = read(self.path(path)).strip()
        return int(text) if text else None

    def is_alive(self, pid: Optional[int]) -> bool:
        return bool(pid) and os.path.exists(self.path(f"/proc/{pid}/fd"))

    def kill(self, pid: Optional[int]) -> None:
        self.must("kill", "-9", str(pid))
        wait_for("the killed daemon is gone", lambda: not self.is_alive(pid))

    def echo(self, text: str, port: int = 7) -> str:
        """What comes back over TCP."""
        client = ("import socket, sys\n"
                  f"s = socket.create_connection(('127.0.0.1', {port}), 10); s.sendall(sys.argv[1].encode())\n"
                  "s.shutdown(1); print(b''.join(iter(lambda: s.recv(4096), b'')).decode(), end='')")
        return self.must(sys.executable, "-c", client, text)
