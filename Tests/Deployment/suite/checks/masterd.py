"""What etc/ has for masterd: its configuration, unit, scripts, and the rotation of its logs."""

from __future__ import annotations

import os
import plistlib
import re
import signal
import stat
import subprocess
from typing import Dict, List

from harness.checks import expect_equal, expect_in, needs, read
from harness.commands import run
from harness.processes import wait_for
from ..case import Case, listed
from ..staging import ENVIRONMENT, Staging
from .notification import Manager, reload_once
from .openrc import STAND_IN
from .rotation import lines_of
from .start_server import expanded, setting
from .systemd import analyze, relaxed

CONFIGURATION = "/etc/masterd/masterd.cfg"
PID_FILE = "/run/masterd/masterd.pid"
LOG = "/var/log/masterd/masterd.log"
CONTROL = "/run/masterd.sock"
ROTATION = "/etc/logrotate.d/masterd"
PORT = 7007
MAX_EXPOSURE = 3.0
ROTATIONS = 5
# notify-reload is younger than some systemd: a file of its own.
FIRST_WITH_RELOAD = 253
TYPE = "Type=notify\n"
RELOADING = {"Type=notify\n": "Type=notify-reload\n", "ExecReload=/bin/kill -HUP $MAINPID\n": "ExecReload=\n"}


# The texts

def unit_of(case: Case) -> str:
    return read(case.etc("systemd/masterd.service"))


def systemd_version() -> int:
    found = re.match(r"systemd (\d+)", run(needs("systemd-analyze"), "--version").output)
    assert found
    return int(found.group(1))


def verified(case: Case) -> str:
    unit = unit_of(case)
    expect_equal("Type=", unit.count(f"\n{TYPE}"), 1)
    addition = read(case.etc("systemd/masterd.service.d/notify-reload.conf"))
    for old, new in RELOADING.items():
        expect_in(old, unit)
        expect_in(new, addition)
    version = systemd_version()
    if version >= FIRST_WITH_RELOAD:
        for old, new in RELOADING.items():
            unit = unit.replace(old, new)
    text = unit.replace("=/usr/sbin/masterd", f"={case.masterd}")
    result = analyze("verify", case.write("masterd.service", text))
    expect_equal("systemd-analyze verify", (result.code, result.output), (0, ""))
    return f"systemd {version}"


def exposure(case: Case) -> str:
    result = analyze("security", "--offline=true", "--no-pager", case.write("masterd.service", unit_of(case)))
    found = re.search(r"exposure level for masterd\.service: ([0-9.]+)", result.output)
    assert found, result.output
    assert float(found.group(1)) <= MAX_EXPOSURE, f"exposure {found.group(1)}"
    return f"exposure {found.group(1)}"


def code(script: str) -> List[str]:
    """The lines that do something, with what differs from daemon to daemon left out."""
    described = re.sub(r"(Short-Description: |description=).*", r"\1", script)
    return [line for line in described.splitlines() if line.startswith("### ") or not line.startswith("#")]


def scripts_are_echods(case: Case) -> None:
    """So that what is proven of echod's holds for these."""
    for directory, account in (("init.d", "DAEMON_USER=$NAME"), ("openrc", "DAEMON_USER=${DAEMON_USER-$NAME}")):
        echods = read(case.etc(directory, "echod")).replace("echod", "masterd").replace(account, "DAEMON_USER=")
        expect_equal(f"{directory}/masterd", code(read(case.etc(directory, "masterd"))), code(echods))
        assert os.stat(case.etc(directory, "masterd")).st_mode & stat.S_IXUSR, f"{directory}/masterd is not executable"
        for shell in ("sh", "dash", "bash"):
            expect_equal(f"{shell} -n", run(shell, "-n", case.etc(directory, "masterd")).code, 0)


def shellcheck_is_content(case: Case) -> None:
    for name, more in (("init.d/masterd", []), ("openrc/masterd", []), ("default/masterd", ["--exclude=SC2034"])):
        result = run(needs("shellcheck"), "--shell=sh", *more, case.etc(name))
        expect_equal(f"shellcheck {name}", (result.code, result.output), (0, ""))


def property_list(case: Case) -> None:
    with open(case.etc("launchd/local.masterd.plist"), "rb") as file:
        job = plistlib.load(file)
    expect_equal("Label", job["Label"], "local.masterd")
    expect_equal("program", job["ProgramArguments"][:2], ["/usr/local/sbin/masterd", "--foreground"])
    expect_equal("KeepAlive", job["KeepAlive"], {"SuccessfulExit": False})


def command_lines_are_right(case: Case) -> None:
    with open(case.etc("launchd/local.masterd.plist"), "rb") as file:
        job: List[str] = plistlib.load(file)["ProgramArguments"]
    environment = {**os.environ, "PATH": f"{os.path.dirname(case.masterd)}:{os.environ['PATH']}"}
    for words in (setting(unit_of(case), "ExecStart").split()[1:-1], job[1:]):
        result = run(case.masterd, "--check", "-c", case.etc("masterd/masterd.cfg"), *words, env=environment)
        expect_equal(f"{words}", (result.code, result.output), (0, ""))


# The lives

def install(case: Case, stage: Staging, configuration: str = "") -> None:
    """As etc/README.md says."""
    for program in (case.echod, case.masterd):
        stage.copy(program, f"/usr/sbin/{os.path.basename(program)}", 0o755)
    stage.copy(case.etc("masterd/masterd.cfg"), CONFIGURATION)
    stage.copy(case.etc("default/masterd"), "/etc/default/masterd")
    stage.copy(case.etc("init.d/masterd"), "/etc/init.d/masterd", 0o755)
    stage.copy(case.etc("logrotate.d/masterd"), ROTATION)
    stage.must("mkdir", "-p", os.path.dirname(LOG))
    if configuration:
        stage.write(CONFIGURATION, configuration)


def children(stage: Staging) -> List[str]:
    """Pids as counted within, in the order of their starts."""
    pid = stage.pid(PID_FILE)
    return read(stage.path(f"/proc/{pid}/task/{pid}/children")).split()


def lives_as_the_unit_says(case: Case) -> None:
    """Its words, its capabilities, its directories; and the copy of the configuration serves."""
    with Staging(case) as stage:
        install(case, stage)
        unit = unit_of(case)
        stage.must("mkdir", "-p", os.path.dirname(PID_FILE))
        capabilities = ",".join(f"+{name[4:].lower()}" for name in setting(unit, "CapabilityBoundingSet").split())
        limits = ["setpriv", "--no-new-privs", f"--bounding-set=-all,{capabilities}", "--inh-caps=-all"]
        environment = [f"{name}={value}" for name, value in ENVIRONMENT.items()]
        words = expanded(setting(unit, "ExecStart"), {"DAEMON_OPTS": ""})
        process: subprocess.Popen = case.start(*stage.command("env", "-i", *environment, *limits, *words))
        wait_for("everything is ready",
                 lambda: "Loading success." in read(stage.path(LOG)) or process.poll() is not None)
        assert process.poll() is None, read(case.path("output"))
        expect_equal("bytes back", stage.echo("under the unit", port=PORT), "under the unit")
        old = children(stage)
        expect_equal("workers", len(old), 1)
        status = read(stage.path(f"/proc/{old[0]}/status"))
        nobody = stage.must("id", "-u", "nobody").strip()
        expect_equal("the worker's user", re.findall(r"^Uid:\t(\d+)", status, re.MULTILINE), [nobody])
        expect_equal("the worker's capabilities", re.findall(r"^CapEff:\t0*(\w*)$", status, re.MULTILINE), [""])
        expect_equal("control socket", stage.must("stat", "-c", "%U:%a", CONTROL), "root:600\n")

        stage.must("masterd", "--reload", f"--pid-file={PID_FILE}")
        wait_for("the old worker has ended", lambda: len(children(stage)) == 1 and children(stage) != old)
        expect_equal("bytes back", stage.echo("after a reload", port=PORT), "after a reload")
        stage.must("masterd", "--stop", f"--pid-file={PID_FILE}")
        expect_equal("exit code", process.wait(timeout=10), 0)
        assert not os.path.exists(stage.path(PID_FILE)) and not os.path.exists(stage.path(CONTROL)), "files are left"


def tells_systemd(case: Case) -> None:
    """As notify-reload wants it: a reload is over when the new generation serves."""
    configuration = case.write(
        "m.cfg", f"listen echo\n    bind {case.path('s')}\nworker echo\n    command {case.echod} -f --log-file -\n"
        "    listen echo\n    readiness notify\n    instances 2\n")
    files = [f"--pid-file={case.path('pid')}", f"--log-file={case.path('log')}"]
    with Manager(case, case.masterd, "-f", "-c", configuration, *files, abstract=False) as manager:
        ready = ready_of(manager)
        expect_equal("MAINPID", ready.get("MAINPID"), str(manager.process.pid))
        expect_in("Loading success.", case.log())
        for count in (2, 3):
            reload_once(manager)
            expect_equal("generations", case.log().count("Loading success."), count)
        manager.process.send_signal(signal.SIGTERM)
        expect_equal("STOPPING", manager.receive_with("STOPPING")["STOPPING"], "1")
        expect_equal("exit code", manager.process.wait(timeout=10), 0)


def ready_of(manager: Manager) -> Dict[str, str]:
    """READY=1, after the time that it asked for and the listener that it gave to be kept."""
    seen: List[Dict[str, str]] = []
    while not seen or "READY" not in seen[-1]:
        seen.append(manager.receive())
        assert set(seen[-1]) & {"READY", "EXTEND_TIMEOUT_USEC", "FDSTORE"}, f"{seen[-1]} came before READY"
    expect_equal("listeners kept", sum(message.get("FDSTORE") == "1" for message in seen), 1)
    return seen[-1]


def beats(case: Case) -> None:
    """WatchdogSec=: the master itself beats, whatever its children do."""
    configuration = case.write("m.cfg", "program idle\n    command sleep 1000\n")
    files = [f"--pid-file={case.path('pid')}", f"--log-file={case.path('log')}"]
    with Manager(case, case.masterd, "-f", "-c", configuration, *files, abstract=False, watchdog=True) as manager:
        count = 0
        while count < 3:
            count += manager.receive().get("WATCHDOG") == "1"


def service(stage: Staging, word: str, expected: int = 0) -> str:
    result = stage.service(word, name="masterd")
    expect_equal(f"{word} ({result.output.strip()})", result.code, expected)
    return result.output


def init_script(case: Case) -> None:
    with Staging(case) as stage:
        install(case, stage)
        verbs(stage)


def openrc(case: Case) -> None:
    with Staging(case) as stage:
        install(case, stage)
        stage.write("/sbin/openrc-run", STAND_IN)
        os.chmod(stage.path("/sbin/openrc-run"), 0o755)
        stage.copy(case.etc("openrc/masterd"), "/etc/init.d/masterd", 0o755)
        stage.copy(case.etc("default/masterd"), "/etc/conf.d/masterd")
        verbs(stage, refused=None)


def verbs(stage: Staging, refused: object = 6) -> None:
    service(stage, "status", 3)
    service(stage, "start")
    expect_equal("bytes back", stage.echo("hello", port=PORT), "hello")
    service(stage, "status")
    master, old = stage.pid(PID_FILE), children(stage)
    service(stage, "rotate")
    wait_for("the log was reopened", lambda: "Reopening log files" in read(stage.path(LOG)))
    service(stage, "reload")
    wait_for("a new worker", lambda: len(children(stage)) == 1 and children(stage) != old)
    expect_equal("masterd", stage.pid(PID_FILE), master)
    right = read(stage.path(CONFIGURATION))
    stage.write(CONFIGURATION, right + "    colour blue\n")
    for word in ("reload", "restart"):
        result = stage.service(word, name="masterd")
        assert result.code == refused if refused else result.code != 0, f"{word}: {result.code}"
        expect_in(f"{CONFIGURATION}:{len(right.splitlines()) + 1}: unknown keyword 'colour'", result.output)
    expect_equal("bytes back", stage.echo("still", port=PORT), "still")
    stage.write(CONFIGURATION, right)
    service(stage, "restart")
    assert stage.pid(PID_FILE) != master
    service(stage, "stop")
    service(stage, "status", 3)


# The rotation

COUNTED = """
worker first
    command sh -c {loop}
    readiness none
program second
    command sh -c {loop}
    log file /var/log/masterd/second.log
"""
# A pause now and then, so that it lasts as long as the rotations. It goes on until it is told to end.
LOOP = ("i=0; trap 'echo last $i; exit 0' TERM; "
        "while :; do echo line $i; i=$((i + 1)); [ $((i % 20)) != 0 ] || sleep 0.01; done")


def rotate(stage: Staging) -> None:
    result = stage.run(needs("logrotate"), "-f", ROTATION)
    expect_equal("logrotate", (result.code, result.output), (0, ""))


def loses_nothing(case: Case) -> str:
    """Neither a line of masterd's log nor of a service's file, and no child notices."""
    needs("logrotate")
    with Staging(case) as stage:
        install(case, stage, COUNTED.format(loop=f'"{LOOP}"'.replace("$", "\\$")))
        service(stage, "start")
        before = children(stage)
        logs = (LOG, "/var/log/masterd/second.log")
        paths = [stage.path(log) for log in logs]
        for _ in range(ROTATIONS):
            wait_for("lines in both files", lambda: all(read(path).count("line ") > 100 for path in paths))
            rotate(stage)
            wait_for("the log was reopened", lambda: "Reopening log files" in read(paths[0]))
        wait_for("lines in both files", lambda: all(read(path).count("line ") > 100 for path in paths))
        expect_equal("children", children(stage), before)
        service(stage, "stop")
        counts = [expect_whole(lines_of(stage, log, ROTATIONS + 1), name) for log, name in zip(logs, ("first: ", ""))]
    return f"{' and '.join(map(str, counts))} lines over {ROTATIONS} rotations, each there once"


def expect_whole(lines: List[str], prefix: str) -> int:
    found = [int(number) for line in lines for number in re.findall(rf"(?:^|INFO ){prefix}line (\d+)$", line)]
    last = [int(number) for line in lines for number in re.findall(rf"(?:^|INFO ){prefix}last (\d+)$", line)]
    expect_equal("ends", len(last), 1)
    # The signal may have come between the line and the counting of it.
    assert found == list(range(len(found))) and len(found) - last[0] in (0, 1), f"{len(found)} lines of {last[0]}"
    expect_equal("lines that are torn", [line for line in lines if "line" in line and not re.search(
        r"line \d+$", line)], [])
    return len(found)


def of_one_that_does_not_run(case: Case) -> None:
    needs("logrotate")
    with Staging(case) as stage:
        install(case, stage)
        service(stage, "start")
        stage.kill(stage.pid(PID_FILE))
        rotate(stage)
        assert os.path.exists(stage.path(LOG + ".1"))


CHECKS = [
    listed("masterd.service: systemd-analyze verify", verified),
    listed(f"masterd.service: systemd-analyze security is at most {MAX_EXPOSURE}", exposure),
    listed("masterd.service with the drop-in for children that want more: systemd-analyze verify",
          relaxed("masterd.service", lambda case: ("/usr/sbin/masterd", case.masterd))),
    listed("masterd's init scripts are echod's under another name", scripts_are_echods),
    listed("shellcheck finds nothing in masterd's files", shellcheck_is_content),
    listed("masterd's launchd job is a property list", property_list),
    listed("masterd takes the unit's and the job's command lines, and masterd.cfg", command_lines_are_right),
    listed("masterd as its unit starts it, with a copy of masterd.cfg: serve, reload, stop", lives_as_the_unit_says),
    listed("NOTIFY_SOCKET of masterd: ready, reload, stop", tells_systemd),
    listed("NOTIFY_SOCKET of masterd: the watchdog is fed", beats),
    listed("masterd's init script: every verb", init_script),
    listed("masterd's OpenRC script, by a stand-in for openrc-run: every verb", openrc),
    listed("logrotate -f of masterd's logs under writes: no line is lost or torn", loses_nothing),
    listed("logrotate -f where no masterd runs", of_one_that_does_not_run),
]
