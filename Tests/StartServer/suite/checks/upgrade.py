"""--upgrade and USR2: start_server replaces itself by what lies at its path now. Ours alone."""

import os
import signal
import time
from dataclasses import replace

from harness.checks import Failed, check, expect, read
from harness.moments import let_pass, meanwhile
from harness.processes import eventually, kill, open_files
from ..case import Case
from ..clients import Visitor
from ..daemon import Daemon
from .files import locked


def install(case: Case) -> str:
    """Puts a copy of the subject into the directory, to be started and replaced."""
    path = case.path("bin", "start_server")
    os.makedirs(os.path.dirname(path), exist_ok=True)
    case.install(case.subject.path, path)
    case.subject = replace(case.subject, path=path)
    return path


def supersede(case: Case) -> None:
    """Puts another copy in its place, as an installation does."""
    case.install(case.subject.path, case.subject.path)


def runs_new(case: Case, daemon: Daemon) -> bool:
    """Whether the process runs the file that lies at the path now."""
    file = os.stat(case.subject.path)
    try:
        mapped = os.stat(f"/proc/{daemon.pid}/exe")
    except FileNotFoundError:
        eventually(lambda: daemon.code() is not None, 1)
        raise Failed(f"the superdaemon has ended: {daemon.code()}") from None
    return (mapped.st_dev, mapped.st_ino) == (file.st_dev, file.st_ino)


def upgrade(case: Case, daemon: Daemon) -> None:
    supersede(case)
    expect(not runs_new(case, daemon), "it runs the new file already")
    daemon.send(signal.SIGUSR2)
    daemon.wait(lambda: runs_new(case, daemon), "the new executable")


def serving(case: Case, *options: str, **arguments) -> Daemon:
    install(case)
    return case.serving("--port=0", f"--path={case.socket}", *case.files, *options, **arguments)


@check("USR2 keeps a socket without a file", ours=True)
def abstract(case: Case) -> None:
    install(case)
    name = f"start-server-{os.getpid()}-{os.path.basename(case.path())}"
    daemon = case.serving(f"--path=unix:@{name}", *case.files)
    with Visitor("\0" + name) as visitor:
        upgrade(case, daemon)
        daemon.reload()
        case.generation(2, daemon)
        daemon.wait(lambda: 2 in visitor.generations, "the second one's answer")
    expect(not visitor.failures, f"{visitor.failures}")


@check("USR2: same pid, worker, sockets and files; no request fails; the next generation follows", ours=True)
def by_signal(case: Case) -> None:
    daemon = serving(case)
    first = case.generation(1)
    with Visitor(first.address("0")) as visitor, Visitor(first.address(case.socket)) as local:
        for _ in range(3):
            upgrade(case, daemon)
            expect(first.is_alive and not first.events(), f"the worker got {first.events()}")
            expect(read(case.pid_file) == f"{daemon.pid}\n" and locked(case.pid_file), "the pid file has suffered")
            expect(read(case.status_file) == f"1:{first.pid}\n", f"status file {read(case.status_file)!r}")
        daemon.reload()
        second = case.generation(2, daemon)
        daemon.line(f"old worker {first.pid} died, status:0")
        case.answered(second, 2, "0")
    expect(not visitor.failures and not local.failures, f"{visitor.failures[:2]} {local.failures[:2]}")
    expect(second["parent"] == daemon.pid, f"its parent is {second['parent']}")
    daemon.stop()
    case.expect_no_files()


@check("--upgrade asks the running one, and returns when it is done", ours=True)
def by_command(case: Case) -> None:
    daemon = serving(case)
    supersede(case)
    outcome = case.run("--upgrade", *case.files)
    expect(outcome.code == 0, f"{outcome}")
    expect(runs_new(case, daemon), "it still runs the old file")
    case.answered(case.generation(1), 1, "0")


@check("--upgrade without a pid file, or without a running one, fails", ours=True)
def by_command_alone(case: Case) -> None:
    expect(case.run("--upgrade").code == 255, f"{case.outcomes[-1]}")
    expect(case.run("--upgrade", *case.files).code == 2, f"{case.outcomes[-1]}")


@check("a new executable that is broken, or missing, is refused, and nothing changes", ours=True)
def broken(case: Case) -> None:
    daemon = serving(case)
    first = case.generation(1)
    path = case.subject.path
    good = path + ".good"
    case.install(path, good)
    for text, mode in (("#!/bin/sh\nexit 1\n", 0o755), ("", 0o755), ("\x7fELF", 0o755), ("x", 0o644), (None, 0)):
        if text is None:
            os.unlink(path)
        else:
            case.write("bin/start_server", text, mode)
        said = len(daemon.lines)
        daemon.send(signal.SIGUSR2)
        daemon.wait(lambda: len(daemon.lines) > said, f"a word about the new executable {text!r}")
        case.subject = replace(case.subject, path=good)
        outcome = case.run("--upgrade", *case.files)
        expect(outcome.code not in (0, None), f"{text!r}: {outcome}")
        expect(first.is_alive and not first.events(), f"{text!r}: the worker got {first.events()}")
        case.answered(first, 1, "0")
    daemon.reload()
    case.answered(case.generation(2, daemon), 2, "0")


@check("what drains is still reaped and told after an upgrade", ours=True)
def with_old_worker(case: Case) -> None:
    daemon = serving(case, worker=["when=1", "drain=1.5"])
    first = case.generation(1)
    daemon.reload()
    second = case.generation(2, daemon)
    upgrade(case, daemon)
    expect(first.is_alive, "the old worker has gone already")
    daemon.line(f"old worker {first.pid} died, status:0")
    expect(eventually(lambda: read(case.status_file) == f"2:{second.pid}\n"), read(case.status_file))
    expect(len(first.events("TERM")) == 1, f"the old worker got {first.events()}")


@check("an upgrade in a reload's interval, and in the delay, lets the round go on", ours=True, slow=True)
def in_round(case: Case) -> None:
    daemon = serving(case, "--kill-old-delay=1", interval="1")
    first = case.generation(1)
    daemon.hup()
    second = case.generation(2, daemon)
    upgrade(case, daemon)
    daemon.line("sleeping 1 secs before killing old workers")
    expect(not first.events(), f"the old worker got {first.events()}")
    upgrade(case, daemon)
    daemon.line("killing old workers")
    daemon.line(f"old worker {first.pid} died, status:0")
    case.answered(second, 2)
    expect(len(case.workers()) == 2 and not second.events(), f"{case.workers()}, {second.events()}")
    expect(len(first.events("TERM")) == 1, f"the old worker got {first.events()}")


@check("options, envdir and the environment survive; workers see nothing of it", ours=True)
def options_survive(case: Case) -> None:
    case.write("env/LATE", "x\n")
    case.write("env/OWN", "over\n")
    os.mkdir(case.path("below"))
    daemon = serving(case, "--signal-on-hup=USR1", "--dir=below", "--envdir=env", env={"OWN": "own", "KEPT": "1"},
                     worker=["exit-on=USR1,TERM"])
    first = case.generation(1)
    os.unlink(case.path("env/LATE"))
    os.unlink(case.path("env/OWN"))
    upgrade(case, daemon)
    daemon.reload()
    second = case.generation(2, daemon)
    expect(eventually(lambda: [name for _, name in first.events()] == ["USR1"]), f"{first.events()}")
    own = {"SERVER_STARTER_GENERATION": "2", "OWN": "own", "LISTEN_PID": str(second.pid)}
    meant = {name: own.get(name, value) for name, value in first.environment.items() if name != "LATE"}
    expect(second.environment == meant, f"differs in {set(second.environment.items()) ^ set(meant.items())}")
    for fact in ("cwd", "masks", "umask", "argv", "sockets", "group", "session"):
        expect(second[fact] == first[fact], f"{fact}: {first[fact]} before, {second[fact]} after")
    expect(set(second["descriptors"]) == set(first["descriptors"]), f"{second['descriptors']}")


@check("a worker's death around an upgrade is not missed", ours=True, slow=True)
def death_meanwhile(case: Case) -> None:
    daemon = serving(case)
    for generation in range(1, 11):
        worker = case.generation(generation, daemon)
        daemon.send(signal.SIGUSR2)
        let_pass(0.002 * generation)
        kill(worker.pid)
        daemon.line(f"worker {worker.pid} died unexpectedly with status:9, restarting")
    case.answered(case.generation(11, daemon), 11, "0")


@check("HUP and TERM right after USR2 are not lost", ours=True)
def signals_meanwhile(case: Case) -> None:
    daemon = serving(case)
    for round_ in range(10):
        daemon.send(signal.SIGUSR2)
        let_pass(0.003 * round_)
        daemon.reload()
        case.generation(round_ + 2, daemon)
    daemon.send(signal.SIGUSR2)
    daemon.stop()
    case.expect_no_files()


@check("many upgrades leave no process and no descriptor behind", ours=True)
def many(case: Case) -> None:
    daemon = serving(case)
    upgrade(case, daemon)
    before = settled_descriptors(daemon)
    for _ in range(15):
        upgrade(case, daemon)
    after = settled_descriptors(daemon)
    expect(len(after) <= len(before), f"descriptors {before} before, {after} after: {open_files(daemon.pid)}")
    expect(eventually(lambda: len(case.living()) == 2, 3), f"{len(case.living())} processes live")


def settled_descriptors(daemon: Daemon) -> "list[int]":
    """The open numbers, as soon as they have been the same for a while."""
    seen: "list[list[int]]" = []

    def settled() -> bool:
        meanwhile(0.05)
        seen.append(sorted(open_files(daemon.pid)))
        return len(seen) > 6 and all(each == seen[-1] for each in seen[-6:])
    expect(eventually(settled), f"the descriptors do not settle: {seen[-6:]}")
    return seen[-1]


@check("daemonized, with a log command, started by a relative path: it upgrades as well", ours=True)
def daemonized(case: Case) -> None:
    install(case)
    case.subject = replace(case.subject, path="./bin/start_server")
    case.log_file = f"|cat >>{case.path('log')}"
    daemon = case.daemonized("--port=0", f"--status-file={case.status_file}")
    daemon.log_file = case.path("log")
    case.generation(1, daemon)
    case.subject = replace(case.subject, path=case.path("bin", "start_server"))
    upgrade(case, daemon)
    daemon.reload()
    case.answered(case.generation(2, daemon), 2)
    daemon.line(r"old worker \d+ died, status:0")
    begin = time.monotonic()
    daemon.stop()
    expect(time.monotonic() - begin < 2, f"the stop takes {time.monotonic() - begin:.1f} s after it")
