"""The upgrade: the master's own executable is replaced under everything that it holds."""

import os
import signal
import time

from harness import processes
from harness.checks import check, expect, read
from harness.clients import ask
from harness.moments import let_pass
from harness.processes import eventually
from ..case import Case, section
from ..clients import Visitor, port_of
from ..master import Master

PATIENCE = 20
"""Seconds for a whole upgrade."""


def installed(case: Case, name: str = "masterd") -> str:
    """A copy of the executable in the case's directory, which is to be replaced."""
    path = case.install(getattr(case, name), case.path("bin", name))
    setattr(case, name, path)
    return path


def renew(case: Case, name: str = "masterd") -> int:
    """Installs the executable anew; its inode."""
    path = case.path("bin", name)
    case.install(path, path)
    return os.stat(path).st_ino


def configuration(case: Case, *more: str, name: str = "web", behaviour=(), lines=(), settings=()) -> None:
    case.configure(
        "listen l\n    bind 127.0.0.1:0\n",
        section("worker", "web", case.worker(name, *behaviour), "listen l", "readiness notify", *lines),
        section("program", "kept", case.worker("kept"), "no option start-on-reload", "readiness notify"), *more,
        settings=settings)


def started(case: Case, **arguments) -> Master:
    installed(case)
    configuration(case)
    return case.start(**arguments)


def is_new(master: Master, inode: int) -> bool:
    try:
        return os.stat(f"/proc/{master.pid}/exe").st_ino == inode
    except FileNotFoundError:
        return False


def upgraded(case: Case, master: Master) -> str:
    inode = renew(case)
    log = master.reload("upgrade", PATIENCE)
    expect(is_new(master, inode), "the executable is the old one")
    return log


def by_command(case: Case, master: Master) -> None:
    upgraded(case, master)


def by_signal(case: Case, master: Master) -> None:
    inode = renew(case)
    master.send(signal.SIGUSR2)
    master.wait(lambda: is_new(master, inode), "the new executable under the same pid", PATIENCE)
    case.met("web", 2)


def keeps(name: str, act) -> None:
    @check(f"by {name}: same pid, same kept children, listener, pid file with its lock, control socket; then a reload")
    def run(case: Case) -> None:
        master = started(case)
        port, kept, old = port_of(master), case.met("kept")["pid"], case.met("web")["pid"]
        act(case, master)
        new = case.met("web", 2)
        expect(eventually(lambda: master.current("web") == [new["pid"]]), f"{master.children()}")
        same = eventually(lambda: ask(("127.0.0.1", port))[1] == new["pid"])
        expect(same, "the listener is another one")
        expect(master.only("kept") == kept and case.events(kept) == ["ready"], f"kept: {case.events(kept)}")
        expect(new["parent"] == master.pid, "the parent is another one")
        expect(eventually(lambda: not processes.alive(old)), "the old worker lives on")
        expect(read(case.pid_file) == f"{master.pid}\n", f"pid file {read(case.pid_file)!r}")
        outcome = case.run("-f", *case.files, "-c", case.configuration)
        expect(outcome.code == 1 and "running" in outcome.err, f"a second one is not refused: {outcome}")
        expect(os.stat(case.control).st_mode & 0o777 == 0o600, "the control socket's mode has changed")
        master.reload()
        master.stop()


keeps("the command", by_command)
keeps("USR2 where the executable has changed", by_signal)


@check("USR2 where the executable has not changed is a reload, without an exec")
def unchanged(case: Case) -> None:
    master = started(case)
    before = processes.stat(master.pid)
    master.send(signal.SIGUSR2)
    case.met("web", 2)
    expect(processes.stat(master.pid)[0] in "SR" and before[1] == processes.stat(master.pid)[1], "something else")


@check("an interactive session keeps working over an upgrade, and over the one that it asked for itself")
def session(case: Case) -> None:
    master = started(case)
    with master.session() as one, master.session() as two:
        expect(two.answers(), "no version")
        renew(case)
        answer = one.say("upgrade", PATIENCE)
        expect(answer.startswith("Success=1\n--\n"), f"{answer!r}")
        for each in (one, two):
            expect(each.answers(), "no version after the upgrade")
            expect(each.prompt == "master> ", f"the prompt {each.prompt!r}")


@check("half a command that was sent before the upgrade is completed after it")
def half_command(case: Case) -> None:
    master = started(case)
    with master.session() as one:
        one.send("show ver")
        let_pass(0.05)
        upgraded(case, master)
        expect(one.answers("sion"), "the half was lost")


@check("200 sessions keep working over an upgrade")
def many_sessions(case: Case) -> None:
    master = started(case)
    sessions = [master.session() for _ in range(200)]
    upgraded(case, master)
    for each in sessions:
        expect(each.answers(), "no version after the upgrade")
        each.close()


@check("reload counts, uptime and failures are kept over an upgrade")
def counts(case: Case) -> None:
    master = started(case)
    master.reload()
    good = read(case.configuration)
    case.write("m.cfg", "nonsense\n")
    master.refuses()
    case.write("m.cfg", good)
    master.wait(lambda: master.table().master.uptime >= "0d00h00m01s", "one second of uptime")
    upgraded(case, master)
    row = master.table().master
    expect(row.reloads == "2", f"reloads {row.reloads!r}, not 2: one before, one with the upgrade")
    expect(row.uptime >= "0d00h00m01s", f"uptime {row.uptime}")
    generation = case.facts("web")[-1]["generation"]
    expect(generation == 3, f"generation {generation}")


@check("the executable is found again: started by PATH, daemon in another directory")
def path_lookup(case: Case) -> None:
    installed(case)
    configuration(case)
    case.masterd = "masterd"
    path = f"{case.path('bin')}:{os.environ['PATH']}"
    words = ["/usr/bin/env", f"PATH={path}"]
    outcome = case.run("masterd", *case.files, "-c", case.configuration, program="/usr/bin/env",
                       env={"PATH": path}, wrapper=words)
    expect(outcome.code == 0, str(outcome))
    master = Master(int(read(case.pid_file)), case.log_file, case.control, case.pid_file)
    case.running.append(master)
    upgraded(case, master)


@check("the executable is found again: started by a relative path, daemon in another directory")
def relative(case: Case) -> None:
    installed(case)
    configuration(case)
    case.masterd = "bin/masterd"
    master = case.launch()
    expect(os.readlink(f"/proc/{master.pid}/cwd") != case.directory, "the daemon is in the same directory")
    upgraded(case, master)


@check("a relative -c is found again after an upgrade in another directory")
def relative_configuration(case: Case) -> None:
    installed(case)
    configuration(case)
    case.configuration = "m.cfg"
    master = case.launch()
    upgraded(case, master)


@check("arguments survive: --, and values that begin with a dash")
def arguments(case: Case) -> None:
    installed(case)
    configuration(case)
    os.rename(case.configuration, case.path("-x.cfg"))
    case.configuration = "-x.cfg"
    master = case.launch("--debug", "--log-format=text")
    before = processes.command(master.pid)
    upgraded(case, master)
    expect(processes.command(master.pid) == before, f"{before!r} became {processes.command(master.pid)!r}")
    case.configuration = case.path("-x.cfg")
    outcome = case.run("--check", "-c", "-x.cfg", "--")
    expect(outcome.code == 0, str(outcome))


@check("-- at the end of the command line survives an upgrade")
def dashes(case: Case) -> None:
    installed(case)
    configuration(case)
    master = case.start("--")
    upgraded(case, master)
    expect(processes.command(master.pid).endswith(" --"), processes.command(master.pid))


@check("a symbolic link as the executable: what it points to next is upgraded to")
def symbolic_link(case: Case) -> None:
    one = case.install(case.masterd, case.path("bin", "one"))
    two = case.install(case.masterd, case.path("bin", "two"))
    link = case.path("bin", "masterd")
    os.symlink(one, link)
    case.masterd = link
    configuration(case)
    master = case.start()
    os.symlink(two, link + "~")
    os.rename(link + "~", link)
    master.reload("upgrade", PATIENCE)
    expect(os.readlink(f"/proc/{master.pid}/exe") == two, os.readlink(f"/proc/{master.pid}/exe"))


@check("no request is lost over five upgrades under load", slow=True)
def load(case: Case) -> None:
    installed(case)
    case.configure("listen l\n    bind 127.0.0.1:0\n",
                   section("worker", "web", f"{case.echod} -f --log-file -", "listen l", "readiness notify"))
    master = case.start()
    with Visitor(port_of(master)) as visitor:
        for _ in range(5):
            upgraded(case, master)
        visitor.is_content()
    case.note(f"{visitor.requests} requests, slowest {visitor.slowest * 1000:.0f} ms")


# Refused

REPLACEMENTS = {
    "a missing": lambda path: os.unlink(path),
    "a non-executable": lambda path: os.chmod(path, 0o644),
    "a garbage": lambda path: put(path, "garbage\n"),
    "an empty": lambda path: put(path, ""),
    "a crashing": lambda path: put(path, "#!/bin/sh\nexit 3\n"),
    "a hanging": lambda path: put(path, "#!/bin/sh\nexec sleep 1000\n"),
    "another program as": lambda path: put(path, "#!/bin/sh\necho usage >&2\nexit 0\n"),
}


def put(path: str, text: str) -> None:
    with open(path + "~", "w", encoding="utf-8") as file:
        file.write(text)
    os.chmod(path + "~", 0o755)
    os.rename(path + "~", path)


def refused(name: str) -> None:
    @check(f"to {name} executable: refused with the reason, nothing changed; reloads go on", slow=name == "a hanging")
    def run(case: Case) -> None:
        master = started(case)
        port, before = port_of(master), master.current()
        REPLACEMENTS[name](case.path("bin", "masterd"))
        begin = time.monotonic()
        reason = master.refuses("upgrade", seconds=40)
        case.note(f"{time.monotonic() - begin:.1f} s")
        expect("masterd" in reason or "pgrade" in reason, f"the reason {reason!r}")
        expect(master.current() == before and set(master.offspring()) == set(before), f"{master.children()}")
        expect(case.events(before[0]) == ["ready"], f"{case.events(before[0])}")
        expect(ask(("127.0.0.1", port))[1] in before, "somebody else answers")
        expect(master.blocks_nothing(), "signals are blocked in the master")
        # A reload by command needs no executable of the master's.
        master.reload()
        renewed = case.install(os.path.join(case.binaries, "masterd"), case.path("bin", "masterd"))
        master.reload("upgrade", PATIENCE)
        expect(os.stat(f"/proc/{master.pid}/exe").st_ino == os.stat(renewed).st_ino, "not the new one")


for each in REPLACEMENTS:
    refused(each)


@check("USR2 with an executable that is broken: refused in the log, the service goes on, and stops")
def refused_by_signal(case: Case) -> None:
    master = started(case)
    put(case.path("bin", "masterd"), "#!/bin/sh\nexit 3\n")
    lines = master.log.count("\n")
    master.send(signal.SIGUSR2)
    master.wait(lambda: any("pgrade" in line for line in master.log.splitlines()[lines:]), "the refusal in the log")
    expect(ask(("127.0.0.1", port_of(master))), "nobody answers")
    master.stop()


# Wait mode

@check("a configuration that is broken at the upgrade: children supervised, commands answered, the next reload works")
def wait_mode(case: Case) -> None:
    master = started(case)
    port, before = port_of(master), master.current()
    good = read(case.configuration)
    case.write("m.cfg", "nonsense here\n")
    inode = renew(case)
    reason = master.refuses("upgrade", PATIENCE)
    expect("m.cfg:1" in reason, f"the reason {reason!r}")
    expect(master.current() == before, f"{master.children()}")
    expect(ask(("127.0.0.1", port))[1] in before, "somebody else answers")
    expect("m.cfg:1" in master.ask("show startup-logs"), "no reason in show startup-logs")
    expect(master.failures() == 1, f"{master.table().master.reloads}")
    # It may be the old image that was kept, or the new one in wait mode; in either the next reload works.
    case.note("the new image" if is_new(master, inode) else "the old image")
    case.write("m.cfg", good)
    master.reload()
    expect(eventually(lambda: master.current("web") == [case.met("web", 2)["pid"]]), f"{master.children()}")
    expect(eventually(lambda: ask(("127.0.0.1", port))[0] >= 2), "the old one still answers")


@check("in wait mode a worker's death is handled by its policy, and a stop stops all")
def wait_mode_death(case: Case) -> None:
    installed(case)
    configuration(case, lines=["restart on-failure backoff 100ms 1s"])
    master = case.start()
    case.write("m.cfg", "nonsense here\n")
    renew(case)
    master.refuses("upgrade", PATIENCE)
    processes.kill(case.met("web")["pid"])
    second = case.met("web", 2)
    expect(eventually(lambda: master.current("web") == [second["pid"]]), f"{master.children()}")
    master.stop()
