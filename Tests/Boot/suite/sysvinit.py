"""What is different where nobody restarts a daemon: its own master does, and its start cleans up."""

from __future__ import annotations

from . import settings
from .common import workers
from .settings import ECHOD, ECHOD_PORT, MASTERD, MASTERD_PORT
from .tools import require, wait_for


def crash_masterd(story) -> str:
    """Nobody starts it again; but its workers leave with it, and the next start finds nothing in its way."""
    machine, manager = story.machine, story.manager
    former = workers(story)
    machine.run(f"kill -9 {manager.main_pid('masterd')}")
    wait_for("its workers leave", lambda: not set(former) & set(machine.processes(ECHOD)))
    require(not machine.processes(MASTERD), "masterd runs")
    status = machine.try_run("service masterd status; echo $?").split()[-1]
    require(status == "1", f"status is {status}, not LSB's 1: dead, with pid file")
    manager.do("start", "masterd")
    require(story.ask(MASTERD_PORT), "it does not serve")
    return "its workers left, status says dead (1), and it starts again over the old pid file"


def crash_of_echods_worker(story) -> str:
    machine, manager = story.machine, story.manager
    machine.write("/etc/default/echod", settings.WORKERS)
    manager.do("restart", "echod")
    pid = manager.main_pid("echod")

    def children() -> list:
        return machine.try_run(f"ps -o pid= --ppid {pid}").split()
    former = wait_for("two workers", lambda: len(now := children()) == 2 and now)
    machine.run(f"kill -9 {former[0]}")
    wait_for("two workers again", lambda: len(now := children()) == 2 and former[0] not in now)
    with story.load(ECHOD_PORT) as load:
        manager.upgrade_signal("echod")
        wait_for("other workers", lambda: len(now := children()) == 2 and not set(now) & set(former))
    machine.write("/etc/default/echod", settings.PLAIN)
    manager.do("restart", "echod")
    return "started again; new workers at USR2: " + story.count(load)


def words(story) -> str:
    """The exit codes that other tools rely on."""
    expected = {"status": 0, "force-reload": 0, "try-restart": 0, "rotate": 0, "nonsense": 2}
    found = {}
    for command in expected:
        found[command] = int(story.machine.try_run(f"service echod {command} >/dev/null 2>&1; echo $?").split()[-1])
    require(found == expected, f"exit codes: {found}")
    return f"exit codes {found}"


STEPS = [
    ("a crash of masterd", crash_masterd),
    ("a crash of a worker of echod --workers", crash_of_echods_worker),
    ("the init script's words", words),
]
