"""What is measured: how each supervisor is configured, started, told to reload and told to stop."""
import os
import re
import signal
import subprocess
from dataclasses import dataclass, field
from pathlib import Path

from build import SCRATCH
from report import skip

WORKER = SCRATCH / "masterworker-worker"
HAPROXY, SUPERVISOR, S6_NAME, RUNIT = "haproxy", "supervisor", "s6", "runit"


@dataclass
class Subject:
    """A supervisor; `name` is what tables call it."""
    name: str
    program: str
    stop_signal: int = signal.SIGTERM
    is_ours: bool = False
    serves: bool = False
    restarts: bool = True
    version: str = ""

    def programs(self, folder, count):
        """Writes the configuration of `count` programs; returns the command."""
        raise NotImplementedError

    def supervising(self, tree, root):
        """Which of the processes below `root`, those that are not programs, supervise."""
        return tree


@dataclass
class Masterd(Subject):
    is_ours: bool = True
    serves: bool = True
    log: str = "prefix"
    worker: list = field(default_factory=lambda: [WORKER, "serve"])

    def started(self, folder, text):
        (folder / "m.cfg").write_text(f"global\n    control-socket {folder}/control\n{text}")
        return [self.program, "-f", "-c", f"{folder}/m.cfg", "--pid-file", f"{folder}/pid",
                "--log-file", f"{folder}/log"]

    def serving(self, folder, port):
        return self.started(folder, f"listen web\n    bind 127.0.0.1:{port}\n"
                            f"worker web\n    command {' '.join(map(str, self.worker))}\n"
                            "    listen web\n    readiness notify\n")

    def programs(self, folder, count, policy="restart always backoff 100ms 500ms"):
        section = (f"    command {WORKER} mark\n    {policy}\n    log {self.log}\n")
        return self.started(folder, "".join(f"program p{number}\n{section}" for number in range(count)))


@dataclass
class HAProxy(Subject):
    serves: bool = True
    restarts: bool = False

    FRONTEND = ("global\n    log stderr local0 err\ndefaults\n    mode http\n    timeout client 5s\n"
                "    timeout server 5s\n    timeout connect 5s\nfrontend web\n    bind {address}\n"
                "    http-request return status 200 content-type text/plain lf-string %pid\n")

    def started(self, folder, text):
        (folder / "h.cfg").write_text(text)
        return [self.program, "-W", "-S", f"{folder}/control", "-f", f"{folder}/h.cfg"]

    def serving(self, folder, port):
        return self.started(folder, self.FRONTEND.format(address=f"127.0.0.1:{port}"))

    def programs(self, folder, count):
        sections = "".join(f"program p{number}\n    command {WORKER} mark\n" for number in range(count))
        return self.started(folder, self.FRONTEND.format(address=f"unix@{folder}/web") + sections)

    def supervising(self, tree, root):
        return [root]  # Its own worker is none of the supervision.


@dataclass
class Supervisor(Subject):
    def programs(self, folder, count):
        section = f"command={WORKER} mark\nautorestart=true\nstdout_logfile=NONE\nredirect_stderr=true\n"
        head = (f"[supervisord]\nnodaemon=true\nsilent=true\nlogfile={folder}/log\npidfile={folder}/pid\n"
                f"childlogdir={folder}\nminfds={max(1024, 4 * count + 100)}\n" + "user=root\n" * (os.getuid() == 0))
        # In one group: groups are stopped one after the other.
        head += f"[group:all]\nprograms={','.join(f'p{number}' for number in range(count))}\n"
        (folder / "s.conf").write_text(head + "".join(f"[program:p{number}]\n{section}" for number in range(count)))
        return [self.program, "-c", f"{folder}/s.conf"]


def write_services(folder, count):
    for number in range(count):
        service = folder / "services" / f"p{number}"
        service.mkdir(parents=True)
        (service / "run").write_text(f"#!{WORKER} mark\n")
        (service / "run").chmod(0o755)
    return str(folder / "services")


@dataclass
class S6(Subject):
    def programs(self, folder, count):
        return [self.program, "-c", str(max(500, 2 * count)), write_services(folder, count)]


@dataclass
class Runit(Subject):
    def programs(self, folder, count):
        return [self.program, write_services(folder, count)]


def installed(kind, name, program, package, version, **more):
    """A peer, unless it is missing."""
    if not os.access(program, os.X_OK):
        skip(name, f"not installed (Debian: {package})")
        return []
    return [kind(name, program, version=version(program), **more)]


def said(*words):
    """The first version number in what a program says of itself."""
    def version(program):
        done = subprocess.run([program, *words], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                              stdin=subprocess.DEVNULL, timeout=20)
        found = re.search(r"\d+(\.\d+)+[^\s,;]*", done.stdout)
        return found[0] if found else ""
    return version


def packaged(package):
    """For a program that does not say its version."""
    def version(_program):
        try:
            done = subprocess.run(["dpkg-query", "-W", "-f", "${Version}", package], stdout=subprocess.PIPE,
                                  stderr=subprocess.DEVNULL, text=True)
            return done.stdout.strip()
        except OSError:
            return ""
    return version


def peers():
    return [
        *installed(HAProxy, HAPROXY, "/usr/sbin/haproxy", "haproxy", said("-v")),
        *installed(Supervisor, SUPERVISOR, "/usr/bin/supervisord", "supervisor", said("-v")),
        *installed(S6, S6_NAME, "/usr/bin/s6-svscan", "s6", packaged("s6")),
        *installed(Runit, RUNIT, "/usr/bin/runsvdir", "runit", packaged("runit"), stop_signal=signal.SIGHUP),
    ]
