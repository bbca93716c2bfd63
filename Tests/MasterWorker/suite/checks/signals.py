"""What each signal does to the master and to its workers."""

import os
import random
import re
import signal
from concurrent.futures import ThreadPoolExecutor
from typing import List

from harness import processes
from harness.checks import check, expect, needs_root, read
from harness.clients import connect
from harness.moments import meanwhile
from harness.processes import eventually
from ..case import Case, section
from ..clients import Echo, echoes, port_of


@check("HUP reopens the master's log and the children's log files, then reloads")
def hangup(case: Case) -> None:
    path = case.path("own.log")
    case.configure(section("worker", "web", case.worker("web"), "readiness notify"), section(
        "program", "talk", case.worker("talk"), "readiness notify", "on-reload keep", f"log file {path}"))
    master = case.start()
    talk = case.met("talk")["pid"]
    case.order(talk, "print", 1, "before\n")
    expect(eventually(lambda: read(path) == "before\n"), f"{read(path)!r}")
    os.rename(path, path + ".1")
    os.rename(case.log_file, case.path("log.1"))
    master.send(signal.SIGHUP)
    master.says("Loading success")
    expect(eventually(lambda: os.path.exists(path)), "the child's file was not reopened")
    case.order(talk, "print", 2, "after\n")
    expect(eventually(lambda: read(path) == "after\n"), f"{read(path)!r}")
    expect(read(path + ".1") == "before\n", f"the old file: {read(path + '.1')!r}")
    case.met("web", 2)


@check("HUP with a file that is broken: the logs are reopened nevertheless, and the refusal is in the new one")
def hangup_broken(case: Case) -> None:
    case.configure(section("worker", "web"))
    master = case.start()
    case.write("m.cfg", "nonsense\n")
    os.rename(case.log_file, case.path("log.1"))
    master.send(signal.SIGHUP)
    master.says(r"m\.cfg:1")


@check("--workers: HUP reopens the logs of all, and starts nothing new")
def hangup_workers(case: Case) -> None:
    master = case.start_workers(2)
    before = master.offspring()
    os.rename(case.log_file, case.path("log.1"))
    master.send(signal.SIGHUP)
    master.says("Reopening log files", 3)
    pids = set(re.findall(r"pid=(\d+).*Reopening", master.log))
    expect(pids == {str(pid) for pid in [master.pid, *before]}, f"reopened by {pids}")
    expect(master.offspring() == before and master.table().master.reloads == "0", f"{master.table().text}")


def gated(case: Case, *options: str):
    """One faultd under a master, and what opens the gate in which each of its starts waits; it is open."""
    output = case.path("output")
    gate = case.touch("output-gate")
    master = case.start_workers(1, "--fault-prepare=gate", f"--fault-output={output}", *options, program=case.faultd)
    old = master.offspring()
    os.unlink(gate)
    return master, old, output


def between_start_and_ready(case: Case, master, old, output: str, body) -> int:
    """A reload whose new worker waits in its start, with its log open, while `body` runs; the new worker's pid."""
    begun = read(output).count("prepare")
    with ThreadPoolExecutor() as pool:
        reload = pool.submit(master.reload)
        try:
            master.wait(lambda: read(output).count("prepare") > begun, "the new worker's start")
            body()
        finally:
            case.touch("output-gate")
        reload.result()
    return master.wait(lambda: next(iter(set(master.current()) - set(old)), 0), "the new worker")


@check("--workers: a worker that was starting at HUP reopens its log when it is ready, and runs its reload handlers")
def hangup_starting(case: Case) -> None:
    master, old, output = gated(case)

    def rotate() -> None:
        os.rename(case.log_file, case.path("log.1"))
        master.send(signal.SIGHUP)
        master.says(rf"pid={master.pid} .*Reopening")

    new = between_start_and_ready(case, master, old, output, rotate)
    master.says(rf"pid={new} .*Reopening")
    expect(eventually(lambda: read(output).count("reload 3") >= 2), f"{read(output)!r}")


@check("--workers: a worker that was starting when --reopen-logs was asked for reopens its log, and does not reload")
def reopen_starting(case: Case) -> None:
    master, old, output = gated(case)

    def rotate() -> None:
        os.rename(case.log_file, case.path("log.1"))
        outcome = case.run("--reopen-logs", *case.files, program=case.faultd)
        expect(outcome.code == 0, str(outcome))
        master.says(rf"pid={master.pid} .*Reopening")

    new = between_start_and_ready(case, master, old, output, rotate)
    master.says(rf"pid={new} .*Reopening")
    expect("reload" not in read(output), f"{read(output)!r}")


@check("--workers: an old worker that still drains at HUP reopens its log too")
def hangup_draining(case: Case) -> None:
    master = case.start_workers(1)
    old = master.offspring()[0]
    with connect(("127.0.0.1", port_of(master))) as client:
        client.sendall(b"x")
        expect(client.recv(1) == b"x", "no echo")
        master.reload()
        expect(old in master.offspring(), "the old worker has not waited for its client")
        os.rename(case.log_file, case.path("log.1"))
        master.send(signal.SIGHUP)
        master.says(rf"pid={old} .*Reopening")


@check("--workers: a worker that began paused accepts when a resume came during its start, and the other way round")
def pause_starting(case: Case) -> None:
    master, old, output = gated(case)
    master.ask("pause")
    master.wait(lambda: "Paused: 1" in master.ask("@1 show info"), "the first pause")
    new = between_start_and_ready(case, master, old, output, lambda: master.ask("resume"))
    master.wait(lambda: "Paused: 0" in master.ask(f"@!{new} show info"), "the end of the pause")
    os.unlink(case.path("output-gate"))
    newer = between_start_and_ready(case, master, [*old, new], output, lambda: master.ask("pause"))
    master.wait(lambda: "Paused: 1" in master.ask(f"@!{newer} show info"), "the pause")


@check("--workers as another user: after HUP master and workers write the new log file, which is that user's")
def hangup_as_user(case: Case) -> None:
    needs_root()
    master = case.start_workers(2, "--user=nobody")
    workers = master.offspring()
    os.rename(case.log_file, case.path("log.1"))
    master.send(signal.SIGHUP)
    for pid in [master.pid, *workers]:
        master.says(rf"pid={pid} .*Reopening log files after receiving SIGHUP\n")
    expect("Permission denied" not in read(case.path("log.1")), read(case.path("log.1")))


@check("a lost log directory at HUP does no harm; the next HUP finds it again")
def lost_log(case: Case) -> None:
    os.mkdir(case.path("logs"))
    case.log_file = case.path("logs", "log")
    case.configure(section("worker", "web"))
    master = case.start()
    os.rename(case.path("logs"), case.path("moved"))
    master.send(signal.SIGHUP)
    master.wait(lambda: master.table().master.reloads == "1", "the reload")
    os.mkdir(case.path("logs"))
    master.send(signal.SIGHUP)
    master.says("Loading success")


def pauses(kind: str) -> None:
    @check(f"TTOU and TTIN, {kind}: a new connection waits, an existing one goes on; then it is served")
    def run(case: Case) -> None:
        if kind == "--workers":
            master = case.start_workers(2)
        else:
            case.configure("listen l\n    bind 127.0.0.1:0\n", section(
                "worker", "web", f"{case.echod} -f --log-file -", "listen l", "readiness notify", "instances 2",
                "channel yes"))
            master = case.start()
        port = port_of(master)
        with Echo(port) as old:
            expect(old.says(), "no echo")
            master.send(signal.SIGTTOU)
            expect(eventually(lambda: waits(port)), "new connections are still served")
            with Echo(port) as new:
                expect(not new.says("hello", 0.2), "a new connection is served")
                expect(old.says("old"), "the existing one is not served")
                expect(len(master.current()) == 2, f"{master.children()}")
                master.send(signal.SIGTTIN)
                expect(new.hears(), "the connection that waited is not served")
        expect(echoes(port), "new connections are not served")


def waits(port: int) -> bool:
    with Echo(port) as echo:
        return not echo.says("x", 0.1)


pauses("--workers")
pauses("masterd with echod")


@check("a worker that comes after TTOU pauses as well")
def paused_newcomer(case: Case) -> None:
    master = case.start_workers(1)
    port = port_of(master)
    master.send(signal.SIGTTOU)
    expect(eventually(lambda: waits(port)), "new connections are still served")
    processes.kill(master.only("worker"))
    master.wait(lambda: master.count("New worker") == 2 and master.current(), "another worker")
    expect(eventually(lambda: waits(port)), "new connections are served")
    with Echo(port) as new:
        expect(not new.says("hello", 0.3), "a new connection is served")
        master.send(signal.SIGTTIN)
        expect(new.hears(), "the connection that waited is not served")


@check("a storm of 1000 signals: alive, no signal of it reached a kept program, and the state is right", slow=True)
def storm(case: Case) -> None:
    case.configure(section("worker", "web", case.worker("web"), "readiness notify", "instances 2"),
                   section("program", "kept", case.worker("kept"), "readiness notify", "on-reload keep"))
    master = case.start()
    kept = case.met("kept")["pid"]
    names = ["HUP", "USR2", "CHLD", "PIPE", "WINCH", "CONT", "URG"]
    for _ in range(1000):
        master.send(getattr(signal, f"SIG{random.choice(names)}"))
    master.reload(seconds=30)
    master.wait(lambda: len(master.children()) == 3, "two workers and a program")
    expect(len(master.offspring()) == 3, f"children {master.offspring()}")
    expect(master.only("kept") == kept and case.events(kept) == ["ready"], f"{case.events(kept)}")
    generation = max(each.generation for each in master.children())
    expect(all(each.generation == generation for each in master.children() if each.service == "web"), "old ones")
    case.note(f"{master.table().master.reloads} reloads")


@check("PIPE, CHLD and others that mean nothing do nothing")
def meaningless(case: Case) -> None:
    case.configure(section("worker", "web"))
    master = case.start()
    before = master.current()
    for name in ("PIPE", "CHLD", "WINCH", "CONT", "URG", "PIPE"):
        master.send(getattr(signal, f"SIG{name}"))
    expect(master.current() == before, f"{master.children()}")


@check("a child that is not the master's own is reaped silently, a stopped worker is not taken for dead")
def stopped_worker(case: Case) -> None:
    case.configure(section("worker", "web"))
    master = case.start()
    pid = master.only("web")
    processes.kill(pid, signal.SIGSTOP)
    expect(eventually(lambda: processes.stat(pid)[0] == "T"), "not stopped")
    expect(master.only("web") == pid and "exited" not in master.log, "it is taken for dead")
    processes.kill(pid, signal.SIGCONT)


def idle(kind: str) -> None:
    @check(f"an idle master does not wake up: {kind}", slow=True)
    def run(case: Case) -> None:
        if kind == "--workers":
            master = case.start_workers(2)
        else:
            case.configure("listen l\n    bind 127.0.0.1:0\n", section("worker", "web", "sleep 1000", "listen l"),
                           section("program", "side"))
            master = case.start()
        session = connect(case.control)

        def wakeups() -> int:
            status = processes.status(master.pid)
            return int(status["voluntary_ctxt_switches"]) + int(status["nonvoluntary_ctxt_switches"])
        def is_quiet() -> bool:
            before = wakeups()
            meanwhile(2)
            return wakeups() == before
        # The first seconds after a start may have an end of their own.
        expect(any(is_quiet() for _ in range(4)), "it wakes up at least every two seconds")
        session.close()


idle("masterd")
idle("--workers")


def zombies(parent: int) -> List[int]:
    return [pid for pid in processes.children(parent) if processes.stat(pid)[0] == "Z"]


@check("as process 1 it reaps strangers: an orphan leaves no zombie; TERM ends it")
def first_process(case: Case) -> None:
    needs_root()
    case.configure(section("program", "p", case.script("p", "(sleep 0.05 & sleep 0.05 &); exec sleep 1000")))
    space = case.start(wrapper=["unshare", "--pid", "--fork", "--kill-child", "--mount-proc"])
    outer = space.offspring()[0]
    def commands() -> List[str]:
        return [processes.command(pid) for pid in case.living()]
    expect(eventually(lambda: "sleep 1000" in commands()), "no program")
    expect(eventually(lambda: "sleep 0.05" not in commands()), "the orphans do not end")
    expect(eventually(lambda: not zombies(outer)), f"zombies {zombies(outer)}")
    expect(space.answers(), "no answer")
    processes.kill(outer, signal.SIGTERM)
    space.ends(0)
