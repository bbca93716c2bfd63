"""The steps that all inits go through, in the words of their managers."""

from __future__ import annotations

import contextlib
import os
import re
import time

from harness.checks import expect
from harness.processes import wait_for
from . import settings
from .settings import ECHOD, ECHOD_PORT, MASTERD, MASTERD_PORT, START_SERVER, START_SERVER_PORT

# Whose files are ours.
OURS = re.compile(r"daemonkit|echod|masterd|start_server|daemonctl")
RELOADS = 5


# ---- From the package to the first client ----------------------------------------------------------------------------

def install(story) -> str:
    machine = story.machine
    machine.chroot(f"dpkg -i {story.copy_in(story.debs.old)}")
    story.manager.prepare()
    enabled = machine.chroot("ls /etc/rc2.d /etc/systemd/system/*.wants 2>/dev/null || true").split()
    expect(not [link for link in enabled if OURS.search(link) and not link.startswith("K")],
            "the installation alone has enabled a service")
    machine.write("/etc/masterd/masterd.cfg", settings.MASTERD_CFG)
    machine.write("/etc/default/echod", settings.PLAIN)
    machine.write("/usr/local/bin/lines", settings.LINES, 0o755)
    story.manager.enable("masterd", "echod")
    return "dpkg -i, both enabled, nothing started"


def boot(story) -> str:
    seconds = story.machine.boot()
    for service in ("masterd", "echod"):
        wait_for(f"{service} is active", lambda service=service: story.manager.is_active(service), seconds=20)
    return f"masterd and echod run {seconds:.1f} s after process 1"


def serve(story) -> str:
    expect(story.ask(ECHOD_PORT), "echod does not serve")
    expect(story.ask(MASTERD_PORT), "masterd's worker does not serve")
    with story.load(ECHOD_PORT) as own, story.load(MASTERD_PORT) as under_master:
        own.more(150)
        under_master.more(150)
    return story.count(own, under_master)


def ready_when_started(story) -> str:
    for _ in range(3):
        for service, port in (("echod", ECHOD_PORT), ("masterd", MASTERD_PORT)):
            story.manager.do("restart", service)
            expect(story.ask(port), f"{service} does not serve when its restart has returned")
            story.report.served += 1
    return "3 restarts of each, and the next client is served at once"


# ---- Reload and rotation ---------------------------------------------------------------------------------------------

def workers(story, service: str = "masterd") -> list:
    """echod's processes whose parent is the service's main process."""
    parent = story.manager.main_pid(service)
    output = story.machine.try_run(f"ps -o pid=,comm= --ppid {parent}")
    return sorted(int(line.split()[0]) for line in output.splitlines() if line.endswith(" echod"))


def await_workers(story, former: list, service: str = "masterd", count: int = 2) -> list:
    return wait_for(f"{count} workers, none of {former}",
                    lambda: len(found := workers(story, service)) == count and not set(found) & set(former) and found)


def reload_masterd(story) -> str:
    pid = story.manager.main_pid("masterd")
    with story.load(MASTERD_PORT) as load:
        for _ in range(RELOADS):
            former = workers(story)
            story.manager.do("reload", "masterd")
            await_workers(story, former)
            load.more(30)
    expect(story.manager.main_pid("masterd") == pid, "masterd has another pid")
    return f"{RELOADS} reloads, new workers each time: " + story.count(load)


def reload_echod(story) -> str:
    pid = story.manager.main_pid("echod")
    with story.load(ECHOD_PORT) as load:
        for _ in range(RELOADS):
            story.manager.do("reload", "echod")
            load.more(30)
    expect(story.manager.main_pid("echod") == pid, "echod has another pid")
    return f"{RELOADS} reloads: " + story.count(load)


def broken_configuration(story) -> str:
    """A reload with a mistake changes nothing."""
    machine = story.machine
    former = workers(story)
    machine.write("/etc/masterd/masterd.cfg", settings.MASTERD_CFG + "program broken\n")
    with story.load(MASTERD_PORT) as load:
        story.manager.attempt("reload", "masterd")
        load.more(100)
    machine.write("/etc/masterd/masterd.cfg", settings.MASTERD_CFG)
    expect(workers(story) == former, "other workers")
    story.manager.do("reload", "masterd")
    await_workers(story, former)
    return "the old workers serve on: " + story.count(load)


def rotate(story) -> str:
    machine = story.machine
    start_lines(story)
    try:
        for number in range(RELOADS):
            aim = written(story, "prefixed") + 200
            wait_for("lines", lambda: min(written(story, "prefixed"), written(story, "filed")) >= aim)
            machine.run("logrotate --force /etc/logrotate.d/masterd")
            if number == 2:
                story.manager.do("reload", "masterd")
    finally:
        machine.run("rm /run/lines.on")
    settled = {}
    for name, log in (("prefixed", "masterd"), ("filed", "filed")):
        settled[name] = settle(story, name)
        wait_for(f"{settled[name]} lines of {name}: {found(story, name, log)} (all, different)",
                 lambda: found(story, name, log) == (settled[name], settled[name]), seconds=10)
        story.report.written += settled[name]
        story.report.found += settled[name]
    rotated = len(machine.run("ls /var/log/masterd/masterd.log.*").split())
    return f"{RELOADS} rotations and a reload, {rotated} old logs; lines written = found: {settled}"


def start_lines(story) -> None:
    """No count of an earlier time is taken for one of this."""
    story.machine.run("rm -f /run/lines.prefixed* /run/lines.filed*")
    story.machine.write("/run/lines.on", "")


def written(story, name: str) -> int:
    return int(story.machine.read(f"/run/lines.{name}").strip() or 0)


def settle(story, name: str) -> int:
    """The count when the program rests."""
    def last() -> int:
        text = story.machine.read(f"/run/lines.{name}.last")
        return int(text) if text.endswith("\n") else 0
    return wait_for("the last line", last)


def found(story, name: str, log: str) -> tuple:
    script = f"zcat -f /var/log/masterd/{log}.log* | grep -oE '{name} line [0-9]+ end' >/run/found; " \
             "wc -l </run/found; sort -u /run/found | wc -l"
    return tuple(int(word) for word in story.machine.run(script).split())


def rotate_echod(story) -> str:
    machine = story.machine
    log = "/var/log/echod/echod.log"
    before = machine.read(log).splitlines()
    machine.run("logrotate --force /etc/logrotate.d/echod")
    pid = story.manager.main_pid("echod")
    old = wait_for("the old log", lambda: machine.read(log + ".1").splitlines())
    expect(old[:len(before)] == before, "lines are missing in the old log")
    opened = lambda: machine.try_run(f"readlink /proc/{pid}/fd/*").split()     # noqa: E731
    wait_for("the new log, open", lambda: log in opened())
    expect(log + ".1" not in opened(), "the old log is still open")
    story.report.written += len(before)
    story.report.found += len(before)
    return f"{len(before)} lines in the old log, the new one is open"


def daemonctl(story) -> str:
    """The same by the tool that knows both inits, from the files that the package brings."""
    machine = story.machine
    said = machine.run("daemonctl list")
    expect("masterd" in said and "echod" in said, f"list: {said}")
    with story.load(MASTERD_PORT) as load:
        former = workers(story)
        machine.run("daemonctl reload masterd")
        await_workers(story, former)
        machine.run("daemonctl reopen-logs masterd")
        load.more(30)
    machine.run("daemonctl restart echod")
    expect(story.ask(ECHOD_PORT), "echod does not serve when daemonctl has restarted it")
    machine.run("daemonctl stop echod")
    status = machine.try_run("daemonctl status echod >/dev/null 2>&1; echo $?").split()[-1]
    expect(status == "3", f"status of what was stopped is {status}, not LSB's 3")
    expect(not story.manager.is_active("echod"), "the init takes echod for active")
    machine.run("daemonctl start echod")
    expect(story.manager.is_active("echod"), "the init does not know of echod's start")
    expect(story.ask(ECHOD_PORT), "echod does not serve when daemonctl has started it")
    story.report.served += 2
    return "list, reload, reopen-logs, restart, stop, status, start: " + story.count(load)


# ---- start_server -----------------------------------------------------------------------------------------------------

def start_server(story, service: str) -> str:
    """Where no systemd is: enabled and started by the script, each reload has another worker when it returns."""
    machine, manager = story.machine, story.manager
    manager.do("start", service)
    expect(story.ask(START_SERVER_PORT), "it does not serve when the start has returned")
    story.more_services[service] = START_SERVER_PORT
    pid = manager.main_pid(service)
    with story.load(START_SERVER_PORT) as load:
        for _ in range(3):
            former = workers(story, service)
            manager.do("reload", service)
            expect(set(workers(story, service)) - set(former), "no other worker when the reload has returned")
            load.more(30)
    expect(manager.main_pid(service) == pid and manager.is_active(service), "another start_server runs, or none")
    # Its worker serves on without it, as Server::Starter's does, and is the administrator's to end.
    left = workers(story, service)
    machine.run(f"kill -9 {pid}")
    wait_for("its end", lambda: not machine.pids_of(START_SERVER))
    expect(not manager.is_active(service), "what was killed is told as running")
    machine.run(f"kill {' '.join(map(str, left))}")
    wait_for("its worker's end", lambda: not story.ask(START_SERVER_PORT, 1))
    manager.do("restart", service)
    expect(story.ask(START_SERVER_PORT), "it does not serve again")
    return "started, killed, started again; 3 reloads, another worker when each returns: " + story.count(load)


# ---- Worker, stop ----------------------------------------------------------------------------------------------------

def crashed_worker(story) -> str:
    former = workers(story)
    story.machine.run(f"kill -9 {former[0]}")
    wait_for("two workers again", lambda: len(now := workers(story)) == 2 and former[0] not in now)
    expect(former[1] in workers(story), "the other worker is another")
    expect(story.ask(MASTERD_PORT), "it does not serve")
    return "masterd has started another"


def stop(story) -> str:
    """Under load: who is connected gets the answer, who comes later is refused."""
    try:
        texts = [stop_service(story, "echod", ECHOD_PORT, 35), stop_service(story, "masterd", MASTERD_PORT, 100)]
        expect(not story.machine.pids_of(ECHOD) + story.machine.pids_of(MASTERD), "a process runs on")
    finally:
        for service in ("echod", "masterd"):
            story.manager.do("start", service)
    return "; ".join(texts)


def stop_service(story, service: str, port: int, limit: float) -> str:
    with story.load(port) as load:
        began = time.monotonic()
        story.manager.do("stop", service, seconds=limit + 10)
        seconds = time.monotonic() - began
    expect(seconds < limit, f"it took {seconds:.1f} s")
    expect(not story.manager.is_active(service), f"{service} is active")
    pid_file = f"/run/{service}/{service}.pid"
    expect(not story.machine.holds(f"test -e {pid_file}"), f"{pid_file} is still there")
    cut = sum(count for reason, count in load.counts["reasons"].items() if "refused" not in reason)
    # masterd has its sockets until its last child has ended: who comes to their queue by then is cut off, one a client.
    expect(cut <= (0 if service == "echod" else load.clients), f"{service}: connections were cut: {load.text}")
    story.report.served += load.served
    return f"{service} in {seconds:.1f} s, {load.served} served, {cut} cut, {load.failed - cut} refused after it"


# ---- The whole system ------------------------------------------------------------------------------------------------

def boot_again(story) -> str:
    """The init stops what runs, with time to end in order, and starts it at the next boot."""
    machine = story.machine
    start_lines(story)
    wait_for("lines", lambda: written(story, "prefixed"))
    machine.run("rm /run/lines.on")
    settle(story, "prefixed")
    before = {service: ends(story, service) for service in ("masterd", "echod")}
    seconds = machine.power_off()
    for service, count in before.items():
        expect(ends(story, service) == count + 1, f"{service} has not written that it shuts down")
    for service in before:
        pid_file = f"{machine.root}/run/{service}/{service}.pid"
        expect(not os.path.exists(pid_file), f"{pid_file} is left")
    up = machine.boot()
    for service in before:
        wait_for(f"{service} is active", lambda service=service: story.manager.is_active(service), seconds=20)
    expect(story.ask(ECHOD_PORT) and story.ask(MASTERD_PORT), "a service does not serve")
    story.report.served += 2
    for service, port in story.more_services.items():
        wait_for(f"{service} serves after the boot", lambda port=port: story.ask(port), seconds=20)
    return f"off in {seconds:.1f} s, both ended in order; up again in {up:.1f} s, both serve"


def ends(story, service: str) -> int:
    return story.machine.read(f"/var/log/{service}/{service}.log").count(f"{service} daemon shutdown")


# ---- Upgrade, removal ------------------------------------------------------------------------------------------------

def broken_upgrade(story) -> str:
    """The new masterd does not even start: the running one stays."""
    manager, machine = story.manager, story.machine
    pid = manager.main_pid("masterd")
    inside = story.copy_in(story.debs.broken)
    with story.load(MASTERD_PORT) as load:
        said = machine.run(f"dpkg -i --force-confold {inside}", seconds=120)
        load.more(100)
    expect(pid in machine.pids_of(MASTERD), "the running masterd is gone")
    if story.manager.name == "systemd":
        expect("serves on with its old version" in said, f"the administrator is not told: {said}")
    return "the running masterd serves on: " + story.count(load)


def upgrade(story) -> str:
    """masterd, and echod with workers; with systemd a program under start_server as well."""
    manager, machine = story.manager, story.machine
    machine.write("/etc/default/echod", settings.WORKERS)
    manager.do("restart", "echod")
    services = {"masterd": MASTERD_PORT, "echod": ECHOD_PORT, **story.more_services}
    pids = {service: manager.main_pid(service) for service in services}
    inside = story.copy_in(story.debs.new)
    with contextlib.ExitStack() as stack:
        loads = [stack.enter_context(story.load(port)) for port in services.values()]
        machine.run(f"dpkg -i --force-confold {inside}", seconds=120)
        wait_for("no process of the former version", lambda: not old_processes(story), seconds=40)
        for load in loads:
            load.more(100)
    text = story.count(*loads)
    expect({service: manager.main_pid(service) for service in services} == pids, "a main process has another pid")
    return f"{', '.join(services)}: same pids, other programs: {text}"


def old_processes(story) -> str:
    script = 'for p in /proc/[0-9]*; do readlink "$p/exe"; done | grep -E "(echod|masterd|start_server) .deleted"'
    return story.machine.try_run(script).strip()


def remove(story) -> str:
    machine = story.machine
    conffiles = set(re.findall(r"^ (/\S+)", machine.run("dpkg-query -W -f '${Conffiles}\\n' daemonkit"), re.MULTILINE))
    machine.run("dpkg -r daemonkit", seconds=120)
    running = [pid for program in (ECHOD, MASTERD, START_SERVER) for pid in machine.pids_of(program)]
    expect(not running, f"still running: {running}")
    expect(not story.ask(MASTERD_PORT, 1) and not story.ask(ECHOD_PORT, 1), "a client is served")
    left = {path for path in machine.files() if OURS.search(path)}
    # The administrator's own, what the daemons have written, which services are enabled, dpkg's record.
    expected = re.compile(r"^(/var/log/.*|/var/lib/dpkg/.*|/var/lib/systemd/.*|/etc/systemd/system/.*|/etc/rc..d/.*"
                          r"|/var/tmp/.*|/usr/local/.*|/etc/start_server.*|/etc/masterd|/etc/daemonkit)$")
    others = sorted(path for path in left - conffiles if not expected.match(path))
    expect(not others, f"left: {others}")
    return f"nothing runs; {len(left & conffiles)} configuration files are left, and logs"


def purge(story) -> str:
    machine = story.machine
    machine.try_run("rm -rf /var/tmp/* /usr/local/bin/lines /etc/start_server /etc/systemd/system/*.d")
    machine.run("dpkg -P daemonkit", seconds=60)
    left = sorted(path for path in machine.files() if OURS.search(path))
    expect(not left, f"left: {left}")
    expect(not machine.try_run("getent passwd echod; getent group echod"), "the account is left")
    expect(not machine.try_run("ls -d /run/echod /run/masterd 2>/dev/null").strip(), "a directory in /run is left")
    return "no file, no account"


def fresh(story) -> str:
    """Installed while the system runs, with its own configuration; then purged in one step."""
    machine = story.machine
    machine.run(f"dpkg -i {story.copy_in(story.debs.old)}", seconds=120)
    expect(not machine.pids_of(MASTERD) + machine.pids_of(ECHOD), "the installation has started something")
    machine.run("systemctl enable --now masterd" if story.manager.name == "systemd" else
                "update-rc.d masterd enable && service masterd start")
    expect(story.ask(MASTERD_PORT), "the configuration as it comes serves nothing")
    story.report.served += 1
    machine.run("dpkg -P daemonkit", seconds=60)
    expect(not machine.pids_of(MASTERD) + machine.pids_of(ECHOD), "a process runs on")
    machine.run("rm -rf /var/tmp/*")
    left = sorted(path for path in machine.files() if OURS.search(path))
    expect(not left, f"left: {left}")
    return "nothing starts by itself; masterd serves with the configuration of the package; purged, nothing is left"


def power_off(story) -> str:
    return f"{story.machine.power_off():.1f} s"


LAST = "power off"
BEGIN = [
    ("installed and enabled", install),
    ("booted, started and ready", boot),
]
MIDDLE = [
    ("clients are served", serve),
    ("a start returns when it serves", ready_when_started),
    ("reload of masterd under load", reload_masterd),
    ("reload of echod under load", reload_echod),
    ("reload with a broken configuration", broken_configuration),
    ("rotation of masterd's logs", rotate),
    ("rotation of echod's log", rotate_echod),
    ("daemonctl", daemonctl),
    ("a crashed worker", crashed_worker),
    ("stop within the time-out", stop),
]
END = [
    ("power off, and boot again", boot_again),
    ("upgrade to a package whose masterd is broken", broken_upgrade),
    ("upgrade of the package under load", upgrade),
    ("removal", remove),
    ("purge", purge),
    ("as it comes, into the running system", fresh),
    (LAST, power_off),
]
