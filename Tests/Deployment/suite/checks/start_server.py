"""What etc/ has for start_server: its systemd unit with settings and variables, and the rotation of its log."""

from __future__ import annotations

import os
import re
import shlex
import signal
import subprocess
from typing import Dict, List

from harness.checks import expect_equal, expect_in, needs, read
from harness.commands import run
from harness.processes import wait_for
from ..case import Case, listed
from ..staging import ACCOUNT, ENVIRONMENT, Staging
from .notification import Manager, reload_once
from .systemd import analyze, relaxed

UNIT = "systemd/start_server@.service"
CONF = "/etc/start_server/echod.conf"
VARIABLES = "/etc/start_server/echod.env"
DIRECTORY = "/run/start_server/echod"
LOG = "/var/log/start_server/echod.log"
ROTATION = "/etc/logrotate.d/start_server"
MAX_EXPOSURE = 3.0


def unit_of(case: Case) -> str:
    """Lines as systemd reads them, of the instance echod."""
    return read(case.etc(UNIT)).replace("%i", "echod")


def setting(unit: str, name: str) -> str:
    found = re.findall(rf"^{name}=(.*)$", unit, re.MULTILINE)
    assert len(found) == 1, f"{name}= stands there {len(found)} times"
    return str(found[0])


def settings(case: Case) -> Dict[str, str]:
    """The environment file as systemd reads it."""
    lines = [line for line in read(case.etc("start_server/echod.conf")).splitlines() if line and line[0] != "#"]
    return {name: shlex.split(value)[0] for name, _, value in (line.partition("=") for line in lines)}


def expanded(command: str, variables: Dict[str, str]) -> List[str]:
    """systemd.service(5): a word that is a variable becomes the variable's words."""
    words: List[str] = []
    for word in command.split():
        words += shlex.split(variables[word[1:]]) if word.startswith("$") else [word]
    return words


# The unit

def verified(case: Case) -> None:
    text = read(case.etc(UNIT)).replace("=/usr/bin/start_server", f"={case.start_server}")
    result = analyze("verify", case.write("start_server@.service", text))
    expect_equal("systemd-analyze verify", (result.code, result.output), (0, ""))


def exposure(case: Case) -> str:
    result = analyze("security", "--offline=true", "--no-pager", case.write("start_server@echod.service", unit_of(case)))
    found = re.search(r"exposure level for start_server@echod\.service: ([0-9.]+)", result.output)
    assert found, result.output
    assert float(found.group(1)) <= MAX_EXPOSURE, f"exposure {found.group(1)}"
    return f"exposure {found.group(1)}"


def settings_are_the_shells_too(case: Case) -> None:
    script = f'. {case.etc("start_server/echod.conf")}; printf "%s\\n" "$START_SERVER_OPTS" "$PROGRAM"'
    expect_equal("settings", run("sh", "-c", script).output.splitlines(), list(settings(case).values()))


class Instance:
    """start_server as the unit starts it: its words, its capabilities, its directory, its environment."""

    def __init__(self, case: Case, stage: Staging, *more: str) -> None:
        self.stage = stage
        install(case, stage)
        unit, variables = unit_of(case), settings(case)
        self.reload_words = expanded(setting(unit, "ExecReload"), {"MAINPID": "$MAINPID"})
        words = expanded(setting(unit, "ExecStart"), variables)
        place = words.index("--")
        words[place:place] = more
        capabilities = ",".join(f"+{name[4:].lower()}" for name in setting(unit, "CapabilityBoundingSet").split())
        expect_equal("NoNewPrivileges", setting(unit, "NoNewPrivileges"), "yes")
        limits = ["setpriv", "--no-new-privs", f"--bounding-set=-all,{capabilities}", "--inh-caps=-all"]
        environment = [f"{name}={value}" for name, value in {**ENVIRONMENT, **variables}.items()]
        self.process: subprocess.Popen = case.start(
            *stage.command("env", "-i", *environment, needs("setpriv"), *limits[1:], *words))
        wait_for("the first worker serves", lambda: self.workers() or self.process.poll() is not None)
        assert self.process.poll() is None, read(case.path("output"))

    def workers(self) -> List[str]:
        """GENERATION:PID"""
        return read(self.stage.path(f"{DIRECTORY}/status")).split()

    @property
    def worker(self) -> str:
        return self.stage.path(f"/proc/{self.workers()[-1].split(':')[1]}")

    def variables(self) -> List[str]:
        return read(f"{self.worker}/environ").split("\0")

    @property
    def pid(self) -> int:
        pid = self.stage.pid(f"{DIRECTORY}/pid")
        assert pid
        return pid

    def restart(self) -> None:
        self.stage.must("start_server", "--restart", f"--pid-file={DIRECTORY}/pid", f"--status-file={DIRECTORY}/status")


def install(case: Case, stage: Staging) -> None:
    """As etc/README.md says, and what the unit's RuntimeDirectory= and LogsDirectory= make."""
    stage.copy(case.echod, "/usr/sbin/echod", 0o755)
    stage.copy(case.start_server, "/usr/bin/start_server", 0o755)
    stage.copy(case.etc("start_server/echod.conf"), CONF)
    for name in os.listdir(case.etc("start_server/echod.env")):
        stage.copy(case.etc("start_server/echod.env", name), f"{VARIABLES}/{name}")
    stage.copy(case.etc("logrotate.d/start_server"), ROTATION)
    stage.must(*ACCOUNT)
    stage.must("mkdir", "-p", DIRECTORY, os.path.dirname(LOG))


def lives_as_the_unit_says(case: Case) -> None:
    with Staging(case) as stage:
        instance = Instance(case, stage)
        expect_equal("bytes back", stage.echo("under the unit"), "under the unit")
        status = read(f"{instance.worker}/status")
        user = stage.must("id", "-u", "echod").strip()
        expect_equal("the worker's user", re.findall(r"^Uid:\t(\d+)", status, re.MULTILINE), [user])
        expect_equal("the worker's capabilities", re.findall(r"^CapEff:\t0*(\w*)$", status, re.MULTILINE), [""])
        expect_in("TZ=UTC", instance.variables())
        stage.must("test", "-S", f"{DIRECTORY}/control")

        # What a reload brings, and what it takes away.
        stage.write(f"{VARIABLES}/GREETING", "hello\n")
        os.unlink(stage.path(f"{VARIABLES}/TZ"))
        words = [word.replace("$MAINPID", str(instance.pid)) for word in instance.reload_words]
        stage.must(*words)
        wait_for("the second generation", lambda: instance.workers()[-1:] and instance.workers()[-1].startswith("2:"))
        expect_in("GREETING=hello", instance.variables())
        assert not any(entry.startswith("TZ=") for entry in instance.variables()), "TZ is still set"
        expect_equal("bytes back", stage.echo("after a reload"), "after a reload")

        stage.must("start_server", "--upgrade", f"--pid-file={DIRECTORY}/pid")
        instance.restart()
        expect_equal("bytes back", stage.echo("after an upgrade"), "after an upgrade")
        stage.must("start_server", "--stop", f"--pid-file={DIRECTORY}/pid")
        expect_equal("exit code", instance.process.wait(timeout=10), 0)
        expect_equal("files left", os.listdir(stage.path(DIRECTORY)), [])


def tells_systemd(case: Case) -> None:
    """Type=notify, with the unit's readiness."""
    command = [case.start_server, "--port=127.0.0.1:0", "--readiness=notify", "--", case.echod, "-f", "--log-file=-"]
    with Manager(case, *command, abstract=False) as manager:
        ready = manager.receive_with("READY")
        expect_equal("READY", (ready.get("READY"), ready.get("MAINPID")), ("1", str(manager.process.pid)))
        expect_in("listening on 127.0.0.1:", read(case.path("output")))
        reload_once(manager)
        reload_once(manager)
        manager.process.send_signal(signal.SIGTERM)
        expect_equal("STOPPING", manager.receive_with("STOPPING")["STOPPING"], "1")
        expect_equal("exit code", manager.process.wait(timeout=10), 0)


def beats(case: Case) -> None:
    """WatchdogSec=: start_server itself beats, also as the next image of its process, whatever its worker does."""
    command = [case.start_server, "--port=127.0.0.1:0", "--interval=0", f"--pid-file={case.path('pid')}", "--", "sleep",
               "1000"]
    with Manager(case, *command, abstract=False, watchdog=True) as manager:
        for _ in range(2):
            count = 0
            while count < 3:
                count += manager.receive().get("WATCHDOG") == "1"
            expect_equal("--upgrade", run(case.start_server, "--upgrade", f"--pid-file={case.path('pid')}").code, 0)


# The rotation

def rotate(stage: Staging) -> None:
    result = stage.run(needs("logrotate"), "-f", ROTATION)
    expect_equal("logrotate", (result.code, result.output), (0, ""))


def rotates(case: Case) -> None:
    with Staging(case) as stage:
        instance = Instance(case, stage, f"--log-file={LOG}")
        wait_for("the log", lambda: "listening on" in read(stage.path(LOG)))
        old = os.stat(stage.path(LOG)).st_ino
        rotate(stage)
        expect_equal("old file", os.stat(stage.path(LOG + ".1")).st_ino, old)
        wait_for("the new worker writes to the new file", lambda: "listening on" in read(stage.path(LOG)))
        expect_equal("first line", read(stage.path(LOG)).splitlines()[0], "received HUP, spawning a new worker")
        wait_for("the old worker has ended", lambda: re.search(r"old worker \d+ died, status:0", read(stage.path(LOG))))
        expect_in("echod daemon shutdown", read(stage.path(LOG + ".1")))
        expect_equal("bytes back", stage.echo("after the rotation"), "after the rotation")
        expect_equal("workers", len(instance.workers()), 1)


def of_one_that_does_not_run(case: Case) -> None:
    """Rotated all the same, and nobody gets a signal who only has the pid by chance."""
    with Staging(case) as stage:
        install(case, stage)
        stranger = case.start(*stage.command("sh", "-c", f"echo $$ >{DIRECTORY}/pid; exec sleep 1000"))
        wait_for("a stale pid file", lambda: stage.pid(f"{DIRECTORY}/pid"))
        stage.write(LOG, "something\n")
        rotate(stage)
        assert os.path.exists(stage.path(LOG + ".1")) and stranger.poll() is None
        os.unlink(stage.path(f"{DIRECTORY}/pid"))
        stage.write(LOG, "something\n")
        rotate(stage)
        assert not os.path.exists(stage.path(LOG)), "nobody is there who would write a new one"
        rotate(stage)


CHECKS = [
    listed("start_server@.service: systemd-analyze verify", verified),
    listed(f"start_server@.service: systemd-analyze security is at most {MAX_EXPOSURE}", exposure),
    listed("start_server@.service with the drop-in for children that want more: systemd-analyze verify",
          relaxed("start_server@.service", lambda case: ("/usr/bin/start_server", case.start_server))),
    listed("start_server's settings mean the same to a shell", settings_are_the_shells_too),
    listed("start_server as its unit starts it: serve, reload, upgrade, stop", lives_as_the_unit_says),
    listed("NOTIFY_SOCKET of start_server: ready, reload, stop", tells_systemd),
    listed("NOTIFY_SOCKET of start_server: the watchdog is fed", beats),
    listed("logrotate -f of start_server's log: a new worker goes on in the new file", rotates),
    listed("logrotate -f where no start_server runs", of_one_that_does_not_run),
]
