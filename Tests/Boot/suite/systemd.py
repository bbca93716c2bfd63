"""What only systemd does: restarts, the watchdog, sockets, start_server's instances."""

from __future__ import annotations

import time

from harness.checks import expect
from harness.processes import wait_for
from . import settings
from .common import END, await_workers, workers   # noqa: F401
from .settings import ECHOD_PORT, MASTERD_PORT, START_SERVER_PORT

PERIOD = 2
"""Seconds of the watchdog."""


def version(story) -> int:
    return int(story.machine.run("systemctl --version").split()[1])


def types(story) -> str:
    manager = story.manager
    found = {service: manager.show(service, "Type") for service in ("echod", "masterd")}
    # What the package has chosen: 252 does not know the other one.
    wanted = "notify-reload" if version(story) >= 253 else "notify"
    for service, kind in found.items():
        expect(kind == wanted, f"{service}: Type={kind} with systemd {version(story)}")
        expect(manager.show(service, "CanReload") == "yes", f"{service} cannot be reloaded")
        expect(not story.machine.try_run(f"systemd-analyze verify {service}.service 2>&1 | grep {service}"),
                f"{service}: systemd-analyze verify complains")
    said = {service: manager.show(service, "StatusText") for service in found}
    return f"{found}, status {said}"


def crash(story, service: str, port: int) -> str:
    """With its sockets kept by systemd or not, somebody serves again at once."""
    manager = story.manager
    pid = manager.main_pid(service)
    restarts = int(manager.show(service, "NRestarts"))
    with story.load(port) as load:
        story.machine.run(f"kill -9 {pid}")
        began = time.monotonic()
        manager.await_restart(service, pid)
        seconds = time.monotonic() - began
        load.more(100)
    expect(int(manager.show(service, "NRestarts")) == restarts + 1, "systemd counts other restarts")
    return f"again active after {seconds:.1f} s; meanwhile {story.count(load, may_fail=True)}"


def crash_echod(story) -> str:
    return crash(story, "echod", ECHOD_PORT)


def crash_masterd(story) -> str:
    former = workers(story)
    text = crash(story, "masterd", MASTERD_PORT)
    expect(not set(former) & set(story.machine.pids_of(settings.ECHOD)), "workers of the dead masterd are left")
    return text


def restart_masterd(story) -> str:
    """systemd keeps its sockets meanwhile: clients wait in their queues."""
    with story.load(MASTERD_PORT) as load:
        for _ in range(3):
            story.manager.do("restart", "masterd")
            load.more(50)
    return "3 restarts: " + story.count(load)


def watchdog(story, service: str, port: int) -> str:
    machine, manager = story.machine, story.manager
    drop_in = f"/etc/systemd/system/{service}.service.d"
    machine.write(f"{drop_in}/watchdog.conf", f"[Service]\nWatchdogSec={PERIOD}\n")
    machine.run("systemctl daemon-reload")
    manager.do("restart", service)
    try:
        return miss_a_beat(story, service, port)
    finally:
        machine.run(f"rm -r {drop_in} && systemctl daemon-reload")
        manager.do("restart", service)


def fed(story, service: str) -> int:
    """When systemd got the last beat, in microseconds."""
    return int(story.manager.show(service, "WatchdogTimestampMonotonic"))


def miss_a_beat(story, service: str, port: int) -> str:
    machine, manager = story.machine, story.manager
    pid = manager.main_pid(service)
    began = fed(story, service)
    wait_for("a beat two periods later", lambda: fed(story, service) >= began + 2 * PERIOD * 1_000_000, 30)
    expect(manager.main_pid(service) == pid, "it was restarted though it was not stopped")
    machine.run(f"kill -STOP {pid}")
    began = time.monotonic()
    manager.await_restart(service, pid)
    seconds = time.monotonic() - began
    journal = machine.run(f"journalctl --no-pager -q -u {service} | tail -n 30")
    expect("atchdog" in journal, f"not because of the watchdog: {journal}")
    expect(story.ask(port), "it does not serve")
    return f"fed for {2 * PERIOD} s; stopped by SIGSTOP, again active after {seconds:.1f} s"


def watchdog_echod(story) -> str:
    return watchdog(story, "echod", ECHOD_PORT)


def watchdog_workers(story) -> str:
    """The master of workers is systemd's main process then."""
    machine = story.machine
    machine.write("/etc/default/echod", settings.WORKERS)
    try:
        return watchdog(story, "echod", ECHOD_PORT)
    finally:
        machine.write("/etc/default/echod", settings.PLAIN)
        story.manager.do("restart", "echod")


def watchdog_masterd(story) -> str:
    return watchdog(story, "masterd", MASTERD_PORT)


def workers_of_echod(story) -> str:
    """`--workers` from the settings file, and new workers at USR2."""
    machine, manager = story.machine, story.manager
    machine.write("/etc/default/echod", settings.WORKERS)
    manager.do("restart", "echod")
    pid = manager.main_pid("echod")
    former = workers(story, "echod")
    expect(len(former) == 2, f"workers: {former}")
    with story.load(ECHOD_PORT) as load:
        for _ in range(3):
            manager.upgrade_signal("echod")
            former = await_workers(story, former, "echod")
            manager.do("reload", "echod")
            load.more(30)
    with story.load(ECHOD_PORT) as orphaned:
        machine.run(f"kill -9 {pid}")
        manager.await_restart("echod", pid)
        orphaned.more(50)
    machine.write("/etc/default/echod", settings.PLAIN)
    manager.do("restart", "echod")
    text = story.count(orphaned, may_fail=True)
    # systemd has the sockets; who was being served is cut off with the workers.
    expect("refused" not in text and orphaned.failed <= orphaned.clients, f"after kill -9 of the master: {text}")
    return f"3 times USR2 and a reload: {story.count(load)}; kill -9 of the master: {text}"


def socket_activation(story) -> str:
    machine, manager = story.machine, story.manager
    manager.do("stop", "echod")
    machine.run("systemctl start echod.socket")
    expect(not manager.is_active("echod"), "the service runs before the first client")
    expect(story.ask(ECHOD_PORT), "the first client is not served")
    expect(manager.is_active("echod"), "the service does not run after the first client")
    story.report.served += 1
    with story.load(ECHOD_PORT) as load:
        for _ in range(3):
            manager.do("restart", "echod")
            load.more(50)
        pid = manager.main_pid("echod")
        machine.run(f"kill -9 {pid}")
        manager.await_restart("echod", pid)
        load.more(50)
    # Who was being served when it was killed has lost its connection; nobody was refused.
    refused = [reason for reason in load.counts["reasons"] if "refused" in reason]
    text = story.count(load, may_fail=True)
    expect(not refused and load.failed <= 4, f"failed: {text}")
    machine.run("systemctl stop echod.service echod.socket && systemctl start echod.service")
    return "started by its first client; 3 restarts and a kill -9: " + text


def start_server(story) -> str:
    machine, manager = story.machine, story.manager
    machine.write("/etc/start_server/echod.conf", settings.START_SERVER_CONF)
    machine.run("mkdir -p /etc/start_server/echod.env")
    unit = "start_server@echod"
    machine.run(f"systemctl enable {unit}")
    manager.do("start", unit)
    story.more_services[unit] = START_SERVER_PORT
    expect(story.ask(START_SERVER_PORT), "it does not serve when the start has returned")
    pid = manager.main_pid(unit)

    def worker() -> str:
        return machine.try_run(f"ps -o pid= --ppid {pid}").strip()
    with story.load(START_SERVER_PORT) as load:
        for _ in range(3):
            former = worker()
            manager.do("reload", unit)
            wait_for("another worker", lambda: (now := worker()) and now != former and " " not in now)
            load.more(30)
    return "3 reloads: " + story.count(load)


def reload_waits(story) -> str:
    """A generation that takes four seconds to be ready: `systemctl reload` returns when it serves, not before."""
    machine, manager = story.machine, story.manager
    if version(story) < 253:
        return f"systemd {version(story)} knows no such type: its reload returns when HUP is sent"
    machine.write("/usr/local/bin/slow", settings.SLOW, 0o755)
    texts = []
    units = {"masterd": (MASTERD_PORT, "/etc/masterd/masterd.cfg", settings.MASTERD_CFG, settings.SLOW_MASTERD_CFG),
             "start_server@echod": (START_SERVER_PORT, "/etc/start_server/echod.conf", settings.START_SERVER_CONF,
                                    settings.SLOW_START_SERVER_CONF)}
    for unit, (port, path, usual, slow) in units.items():
        machine.write(path, slow)
        if unit != "masterd":
            # What start_server runs changes with a restart only.
            manager.do("restart", unit)
        former = workers(story, unit)
        with story.load(port) as load:
            began = time.monotonic()
            manager.do("reload", unit)
            seconds = time.monotonic() - began
            serving = set(workers(story, unit)) - set(former)
            expect(seconds >= settings.SLOW_SECONDS, f"{unit}: reload has returned after {seconds:.1f} s")
            expect(serving, f"{unit}: no new worker when the reload has returned")
            load.more(30)
        texts.append(f"{unit} after {seconds:.1f} s, {len(serving)} new workers then: {story.count(load)}")
        machine.write(path, usual)
        manager.do("reload" if unit == "masterd" else "restart", unit)
    await_workers(story, [])
    return "; ".join(texts)


def instances(story) -> str:
    """A template from an executable that is called by a link to its release: each instance runs what the link leads to."""
    machine, manager = story.machine, story.manager
    for release in ("1", "2"):
        machine.run(f"install -D {settings.ECHOD} /opt/app/releases/{release}/echod")
    machine.run("ln -s releases/1 /opt/app/current")
    unit = "/etc/systemd/system/echod@.service"
    machine.run(f"/opt/app/current/echod --print-service systemd@ >{unit}")
    expect("ExecStart=/opt/app/current/echod " in machine.read(unit), machine.read(unit))
    for name, port in settings.INSTANCE_PORTS.items():
        machine.write(f"/etc/default/echod.{name}", f'DAEMON_OPTS="--port={port}"\n')
    machine.run("systemctl daemon-reload")
    expect(not machine.try_run("systemd-analyze verify echod@web.service 2>&1 | grep echod@"), "verify complains")
    for name, port in settings.INSTANCE_PORTS.items():
        manager.do("start", f"echod@{name}")
        expect(story.ask(port), f"{name} does not serve")
        expect(machine.holds(f"test -s /run/echod/{name}/echod.pid && test -s /var/log/echod/{name}.log"), "no files")
    machine.run("ln -sfn releases/2 /opt/app/current")
    manager.do("restart", "echod@web")
    runs = {name: machine.run(f"readlink /proc/{manager.main_pid(f'echod@{name}')}/exe").strip()
            for name in settings.INSTANCE_PORTS}
    expect(runs == {"web": "/opt/app/releases/2/echod", "mail": "/opt/app/releases/1/echod"}, f"{runs}")
    with story.load(settings.INSTANCE_PORTS["web"]) as load:
        manager.do("reload", "echod@web")
        manager.do("stop", "echod@mail")
        load.more(30)
    expect(not story.ask(settings.INSTANCE_PORTS["mail"], 1), "what was stopped serves")
    machine.run("/usr/sbin/echod --print-service logrotate@ >/etc/logrotate.d/echod && logrotate --force"
                " /etc/logrotate.d/echod")
    wait_for("the instance's new log", lambda: "Reopening" in machine.read("/var/log/echod/web.log"))
    manager.do("stop", "echod@web")
    machine.run(f"/usr/sbin/echod --print-service logrotate >/etc/logrotate.d/echod; rm -r {unit} /opt/app"
                " /etc/default/echod.*; systemctl daemon-reload")
    return "two instances, a release each; reload, rotation, stop: " + story.count(load)


STEPS = [
    ("Type=notify, and what they say", types),
    ("a crash of echod: restarted by systemd", crash_echod),
    ("a crash of masterd: restarted by systemd", crash_masterd),
    ("restart of masterd under load", restart_masterd),
    ("the watchdog of echod", watchdog_echod),
    ("the watchdog of echod --workers", watchdog_workers),
    ("the watchdog of masterd", watchdog_masterd),
    ("echod --workers", workers_of_echod),
    ("socket activation", socket_activation),
    ("start_server@echod", start_server),
    ("systemctl reload returns when the new generation serves", reload_waits),
    ("instances of a template, from a link to a release", instances),
]
