"""OpenRC's own scripts, which the package does not bring: its view of what runs, and instances of one script."""

from __future__ import annotations

from harness.checks import expect
from harness.processes import wait_for
from . import common, settings
from .common import workers
from .settings import ECHOD, ECHOD_PORT, MASTERD, MASTERD_PORT

INSTANCE = "echod.web"
INSTANCE_PORT = 7009


def code(story, command: str) -> int:
    return int(story.machine.try_run(f"{command} >/dev/null 2>&1; echo $?").split()[-1])


def known(story) -> str:
    """They belong to the runlevel in which the system was booted, and OpenRC takes them for started."""
    status = story.machine.run("rc-status default")
    for service in ("masterd", "echod"):
        lines = [line for line in status.splitlines() if line.split()[:1] == [service]]
        expect(lines and "started" in lines[0], f"{service}: {lines or status}")
    expect(not story.machine.try_run("rc-status --crashed").strip(), "something has crashed")
    return "rc-status: both started, in the runlevel default"


def words(story) -> str:
    """Exit codes, and that a wrong option leaves the running daemon alone."""
    machine, manager = story.machine, story.manager
    pid = manager.main_pid("echod")
    expected = {"status": 0, "start": 0, "check": 0, "reload": 0, "rotate": 0, "nonsense": 1}
    found = {verb: code(story, f"rc-service echod {verb}") for verb in expected}
    expect(found == expected, f"exit codes: {found}")
    machine.write("/etc/default/echod", 'DAEMON_OPTS="--port=70000"\n')
    refused = {verb: code(story, f"rc-service echod {verb}") for verb in ("restart", "reload", "check")}
    machine.write("/etc/default/echod", settings.PLAIN)
    expect(all(refused.values()), f"a wrong option is taken: {refused}")
    expect(manager.main_pid("echod") == pid and manager.is_active("echod"), "another echod runs, or none")
    expect(story.ask(ECHOD_PORT), "it does not serve")
    return f"exit codes {found}; with a wrong option {refused}, and the same process serves"


def crash(story) -> str:
    """Nobody starts it again; its workers leave with it, the status says so, and the next start finds nothing in its way."""
    machine, manager = story.machine, story.manager
    former = workers(story)
    machine.run(f"kill -9 {manager.main_pid('masterd')} {manager.main_pid('echod')}")
    wait_for("the workers leave", lambda: not machine.pids_of(ECHOD) + machine.pids_of(MASTERD))
    found = {service: code(story, f"rc-service {service} status") for service in ("masterd", "echod")}
    expect(all(found.values()), f"status: {found}")
    for service, port in (("masterd", MASTERD_PORT), ("echod", ECHOD_PORT)):
        # As openrc-run(8) has it, what is taken for started is not started again, but restarted.
        manager.do("restart", service)
        expect(story.ask(port), f"{service} does not serve")
    expect(not set(former) & set(workers(story)), "workers of the dead masterd are left")
    story.report.served += 2
    return f"status {found}; restarted over the old pid files"


def stopped(story) -> str:
    """What was stopped is told as stopped, and what is started is told as started."""
    manager = story.manager
    manager.do("stop", "echod")
    status = code(story, "rc-service echod status")
    expect(status == 3, f"status of what was stopped is {status}")
    expect(code(story, "rc-service echod reload") != 0, "what was stopped is reloaded")
    expect(code(story, "rc-service echod stop") == 0, "a second stop fails")
    manager.do("start", "echod")
    expect(story.ask(ECHOD_PORT), "it does not serve")
    return "stop, status 3, no reload, stop again, start"


def instance(story) -> str:
    """A link to the script is a service of its own, beside the other."""
    machine, manager = story.machine, story.manager
    machine.run(f"ln -s echod /etc/init.d/{INSTANCE}")
    machine.write(f"/etc/conf.d/{INSTANCE}", f'DAEMON_OPTS="--port={INSTANCE_PORT}"\n')
    manager.do("start", INSTANCE)
    expect(story.ask(INSTANCE_PORT) and story.ask(ECHOD_PORT), "one of the two does not serve")
    expect(machine.holds("test -s /run/echod/web/echod.pid && test -s /var/log/echod/web.log"), "no files of its own")
    with story.load(ECHOD_PORT) as load:
        manager.do("reload", INSTANCE)
        manager.do("restart", INSTANCE)
        manager.do("stop", INSTANCE)
        load.more(30)
    expect(not story.ask(INSTANCE_PORT, 1), "it serves on")
    machine.run(f"rm -r /etc/init.d/{INSTANCE} /etc/conf.d/{INSTANCE} /run/echod/web")
    return "started, reloaded, restarted, stopped, beside the first: " + story.count(load)


def start_server(story) -> str:
    machine = story.machine
    machine.write("/etc/start_server/echod.conf", settings.START_SERVER_CONF)
    machine.run("mkdir -p /etc/start_server/echod.env && ln -s start_server /etc/init.d/start_server.echod"
                " && rc-update add start_server.echod default")
    return common.start_server(story, "start_server.echod")


STEPS = [
    ("OpenRC knows them", known),
    ("the script's words", words),
    ("stop, status and start", stopped),
    ("a crash", crash),
    ("a second instance", instance),
    ("start_server", start_server),
]
END = [step for step in common.END if step[0] in ("power off, and boot again", common.LAST)]
