"""What is different where nobody restarts a daemon: its own master does, and its start cleans up."""

from __future__ import annotations

from harness.checks import expect
from harness.processes import wait_for
from . import common, settings
from .common import END, await_workers, workers   # noqa: F401
from .settings import ECHOD, ECHOD_PORT, MASTERD, MASTERD_PORT


def crash_masterd(story) -> str:
    """Nobody starts it again; but its workers leave with it, and the next start finds nothing in its way."""
    machine, manager = story.machine, story.manager
    former = workers(story)
    machine.run(f"kill -9 {manager.main_pid('masterd')}")
    wait_for("its workers leave", lambda: not set(former) & set(machine.pids_of(ECHOD)))
    expect(not machine.pids_of(MASTERD), "masterd runs")
    status = machine.try_run("service masterd status; echo $?").split()[-1]
    expect(status == "1", f"status is {status}, not LSB's 1: dead, with pid file")
    manager.do("start", "masterd")
    expect(story.ask(MASTERD_PORT), "it does not serve")
    return "its workers left, status says dead (1), and it starts again over the old pid file"


def crash_of_echods_worker(story) -> str:
    machine, manager = story.machine, story.manager
    machine.write("/etc/default/echod", settings.WORKERS)
    manager.do("restart", "echod")
    former = await_workers(story, [], "echod")
    machine.run(f"kill -9 {former[0]}")
    former = await_workers(story, former[:1], "echod")
    with story.load(ECHOD_PORT) as load:
        manager.upgrade_signal("echod")
        await_workers(story, former, "echod")
    machine.write("/etc/default/echod", settings.PLAIN)
    manager.do("restart", "echod")
    return "started again; new workers at USR2: " + story.count(load)


def words(story) -> str:
    """The exit codes that other tools rely on."""
    expected = {"status": 0, "force-reload": 0, "try-restart": 0, "rotate": 0, "nonsense": 2}
    found = {}
    for command in expected:
        found[command] = int(story.machine.try_run(f"service echod {command} >/dev/null 2>&1; echo $?").split()[-1])
    expect(found == expected, f"exit codes: {found}")
    return f"exit codes {found}"


def start_server(story) -> str:
    machine = story.machine
    machine.write("/etc/start_server/echod.conf", settings.START_SERVER_CONF)
    machine.run("mkdir -p /etc/start_server/echod.env && update-rc.d start_server enable")
    text = common.start_server(story, "start_server")
    found = {words: int(machine.try_run(f"service start_server {words} >/dev/null 2>&1; echo $?").split()[-1])
             for words in ("status", "status echod", "try-restart", "force-reload", "start nobody", "reload nobody",
                           "status nobody", "nonsense")}
    expected = {"status": 0, "status echod": 0, "try-restart": 0, "force-reload": 0, "start nobody": 6,
                "reload nobody": 7, "status nobody": 3, "nonsense": 2}
    expect(found == expected, f"exit codes: {found}")
    return f"{text}; exit codes {found}"


STEPS = [
    ("a crash of masterd", crash_masterd),
    ("a crash of a worker of echod --workers", crash_of_echods_worker),
    ("the init script's words", words),
    ("start_server", start_server),
]
