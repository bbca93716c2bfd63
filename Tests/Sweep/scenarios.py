"""The starts that are swept, each in a directory of its own."""

import os
import pwd
import shutil
import socket
import tempfile
from dataclasses import dataclass
from typing import Dict, List, Optional, Tuple

from harness.checks import read

USER = "nobody"
OLD_PID = "123456789012345\n"


@dataclass(frozen=True)
class Scenario:
    """Options and surroundings of a start; `{sock}` stands for the socket file's directory, `{jail}` for a new root."""
    name: str
    options: Tuple[str, ...]
    foreground: bool = False
    drops: bool = False
    stale: bool = False
    notifies: bool = False
    needs_root: bool = False


UNIX = ("-b", "unix:{sock}/s")
LOOPBACK = ("-b", "127.0.0.1:0")

SCENARIOS = [
    Scenario("unix", UNIX),
    Scenario("tcp+udp", LOOPBACK),
    Scenario("user", UNIX + ("--user", USER), drops=True, needs_root=True),
    Scenario("foreground", UNIX + ("--foreground",), foreground=True),
    Scenario("stale", UNIX, stale=True),
    Scenario("notify", UNIX, notifies=True),
    Scenario("chroot", LOOPBACK + ("--chroot", "{jail}"), needs_root=True),
    Scenario("jail", UNIX + ("--chroot", "{jail}", "--user", USER), drops=True, needs_root=True),
    Scenario("syslog", UNIX + ("--syslog", "yes")),
]


class Place:
    """The directory of one run: `files` is the daemon's, the rest is ours. Removed at the end."""

    def __init__(self, scenario: Scenario) -> None:
        self.scenario = scenario
        self.directory = tempfile.mkdtemp(prefix="sweep-")
        self.files = self.make("files")
        self.sockets = self.make("files/sock")
        self.jail = self.make("jail")
        self.pid_file = os.path.join(self.files, "pid")
        self.log_file = os.path.join(self.files, "log")
        self.socket_file = os.path.join(self.sockets, "s")
        self.trace = os.path.join(self.directory, "trace")
        self.stale_socket = 0
        self.manager: Optional[socket.socket] = None
        os.chmod(self.directory, 0o755)
        if scenario.drops:
            os.chown(self.sockets, pwd.getpwnam(USER).pw_uid, -1)
        if scenario.stale:
            self.leave_stale_files()
        if scenario.notifies:
            self.manager = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
            self.manager.bind(os.path.join(self.directory, "notify"))
            self.manager.setblocking(False)

    def __enter__(self) -> "Place":
        return self

    def __exit__(self, *_: object) -> None:
        if self.manager:
            self.manager.close()
        shutil.rmtree(self.directory, ignore_errors=True)

    def make(self, name: str) -> str:
        path = os.path.join(self.directory, name)
        os.mkdir(path, 0o755)
        return path

    def leave_stale_files(self) -> None:
        """What a daemon leaves behind that was killed: a pid file, longer than the next one, and a socket file."""
        with open(self.pid_file, "w", encoding="ascii") as file:
            file.write(OLD_PID)
        with socket.socket(socket.AF_UNIX) as listener:
            listener.bind(self.socket_file)
        self.stale_socket = os.stat(self.socket_file).st_ino

    def command(self, echod: str) -> List[str]:
        options = [option.format(sock=self.sockets, jail=self.jail) for option in self.scenario.options]
        return [echod, *options, "--pid-file", self.pid_file, "--log-file", self.log_file]

    def environment(self) -> Dict[str, str]:
        """The least there is, so that every run makes the same calls."""
        environment = {"PATH": os.defpath, "LANG": "C"}
        if self.scenario.notifies:
            environment["NOTIFY_SOCKET"] = os.path.join(self.directory, "notify")
        return environment

    def read(self, name: str) -> str:
        """A file in our directory; empty where there is none."""
        return read(os.path.join(self.directory, name))

    def notifications(self) -> str:
        """What the service manager was told since the last call."""
        told = b""
        while self.manager:
            try:
                told += self.manager.recv(4096) + b"\n"
            except BlockingIOError:
                break
        return told.decode(errors="replace")
