"""Fault injection: kill -9 of a worker and of the superdaemon, in each phase."""

import os
from dataclasses import dataclass
from typing import Callable, Sequence

from harness.checks import check, expect, read
from harness.ports import free_port
from harness.processes import eventually, kill
from ..case import Case
from ..daemon import Daemon


@dataclass(frozen=True)
class Phase:
    name: str
    reach: Callable[[Case, Daemon], None]
    interval: str = "0"
    options: Sequence[str] = ()
    worker: Sequence[str] = ()


def first_interval(case: Case, daemon: Daemon) -> None:
    case.generation(1, daemon)


def running(case: Case, daemon: Daemon) -> None:
    case.generation(1, daemon)
    daemon.wait(lambda: os.path.exists(case.status_file), "a status file")


def reload_interval(case: Case, daemon: Daemon) -> None:
    running(case, daemon)
    daemon.hup()
    case.generation(2, daemon)


def in_delay(case: Case, daemon: Daemon) -> None:
    reload_interval(case, daemon)
    daemon.line("sleeping 5 secs before killing old workers")


def draining(case: Case, daemon: Daemon) -> None:
    running(case, daemon)
    daemon.reload()
    case.generation(2, daemon)
    told(case, 1)


def stopping(case: Case, daemon: Daemon) -> None:
    running(case, daemon)
    daemon.send(15)
    told(case, 1)


def told(case: Case, generation: int) -> None:
    worker = case.generation(generation)
    expect(eventually(lambda: worker.events("TERM")), f"{worker} got no TERM")


PHASES = [
    Phase("in the first interval", first_interval, interval="30"),
    Phase("while running", running),
    Phase("in a reload's interval", reload_interval, interval="1"),
    Phase("in kill-old-delay", in_delay, options=["--kill-old-delay=5"]),
    Phase("while an old worker drains", draining, worker=["drain=30"]),
    Phase("while stopping", stopping, worker=["drain=30"]),
]


def reach(case: Case, phase: Phase, port: int) -> Daemon:
    daemon = case.start(f"--port={port}", f"--path={case.socket}", *case.files, *phase.options,
                        interval=phase.interval, worker=phase.worker)
    phase.reach(case, daemon)
    return daemon


def superdaemon_killed(phase: Phase) -> None:
    @check(f"kill -9 of the superdaemon {phase.name}: a second start with the same files works")
    def run(case: Case) -> None:
        port = free_port()
        reach(case, phase, port).send(9)
        case.running[0].ends(-9)
        for pid in case.living():      # orphans, which serve on until they are told to stop
            kill(pid)
        expect(eventually(lambda: not case.living()), "the orphans do not end")
        before = len(case.workers())
        second = case.start(f"--port={port}", f"--path={case.socket}", *case.files)
        expect(eventually(lambda: len(case.workers()) > before or second.code() is not None), "no new worker")
        second.still_runs()
        worker = max(case.workers(), key=lambda each: each["time"])
        expect(worker.generation == 1, f"{worker}")
        for key in (str(port), case.socket):
            expect(case.ask(worker, key)[1] == worker.pid, f"somebody else answers on {key}")
        expect(read(case.pid_file) == f"{second.pid}\n", f"pid file {read(case.pid_file)!r}")
        expect(eventually(lambda: read(case.status_file) == f"1:{worker.pid}\n"), read(case.status_file))
        second.line("removing existing socket file:.*")
        second.stop()
        case.expect_no_files()


for each in PHASES:
    superdaemon_killed(each)


@check("kill -9 of the superdaemon: workers that serve on, or are deaf to TERM, are ended by the next start", ours=True)
def orphans(case: Case) -> None:
    port = free_port()
    first = case.start(f"--port={port}", *case.files, worker=["drain=30"])
    worker = case.generation(1, first)
    first.send(9)
    first.ends(-9)
    expect(case.ask(worker, str(port))[1] == worker.pid, "the orphan does not serve")
    second = case.start(f"--port={port}", *case.files)
    second.line("the last start_server has left processes behind, which are told to end: .*")
    second.line("killing what does not end: .*")
    expect(worker.events("TERM"), "it was not told")
    expect(eventually(lambda: len(case.workers()) == 2), "no new worker")
    new = max(case.workers(), key=lambda each: each["time"])
    expect(case.ask(new, str(port))[1] == new.pid, "somebody else answers")
    second.stop()
    case.expect_no_files()


@check("kill -9 of the new worker in a reload's interval: the old one serves, the round goes on", slow=True)
def new_worker_in_reload(case: Case) -> None:
    daemon = reach(case, PHASES[2], free_port())
    first, second = case.generation(1), case.generation(2)
    kill(second.pid)
    daemon.line(f"new worker {second.pid} seems to have failed to start, exit status:9")
    expect(first.is_alive and not first.events(), f"the old worker got {first.events()}")
    case.answered(first, 1, case.socket)
    daemon.line(f"new worker is now running, sending TERM to old workers:{first.pid}")
    case.answered(case.generation(3), 3, case.socket)


@check("kill -9 of both workers in a reload's interval: it comes back by itself", slow=True)
def both_in_reload(case: Case) -> None:
    daemon = reach(case, PHASES[2], free_port())
    kill(case.generation(1).pid)
    kill(case.generation(2).pid)
    third = case.generation(3, daemon)
    case.answered(third, 3, case.socket)
    daemon.line("killing old workers|worker .* died unexpectedly .*|old worker .*")
    case.answered(third, 3, case.socket)


@check("kill -9 of the old worker in kill-old-delay: the new one serves on", slow=True)
def old_worker_in_delay(case: Case) -> None:
    daemon = case.serving("--port=0", "--kill-old-delay=2", *case.files)
    first = case.generation(1)
    daemon.hup()
    second = case.generation(2, daemon)
    daemon.line("sleeping 2 secs before killing old workers")
    kill(first.pid)
    daemon.line(f"old worker {first.pid} died, status:9")
    case.answered(second, 2)
    expect(eventually(lambda: read(case.status_file) == f"2:{second.pid}\n"), read(case.status_file))
    daemon.line("killing old workers")
    daemon.reload()
    expect(len(case.workers()) == 3, f"{case.workers()}")


@check("kill -9 of both workers in kill-old-delay: it comes back by itself")
def both_in_delay(case: Case) -> None:
    daemon = case.serving("--port=0", "--kill-old-delay=2", *case.files)
    daemon.hup()
    second = case.generation(2, daemon)
    daemon.line("sleeping 2 secs before killing old workers")
    for worker in case.workers():
        kill(worker.pid)
    third = case.generation(3, daemon)
    case.answered(third, 3)
    expect(not second.is_alive, "the second worker lives on")


@check("kill -9 of an old worker that drains is told, and the new one serves on")
def draining_worker(case: Case) -> None:
    daemon = reach(case, Phase("", draining, worker=["when=1", "drain=30"]), free_port())
    first, second = case.generation(1), case.generation(2)
    kill(first.pid)
    daemon.line(f"old worker {first.pid} died, status:9")
    expect(eventually(lambda: read(case.status_file) == f"2:{second.pid}\n"), read(case.status_file))
    case.answered(second, 2, case.socket)


@check("kill -9 of a worker that drains at the stop ends it")
def stopping_worker(case: Case) -> None:
    daemon = reach(case, PHASES[5], free_port())
    kill(case.generation(1).pid)
    daemon.line(f"worker {case.generation(1).pid} died, status:9")
    daemon.ends(0)


@check("a worker that is killed again and again is replaced again and again")
def again(case: Case) -> None:
    daemon = case.serving("--port=0", *case.files)
    for generation in range(1, 6):
        worker = case.generation(generation, daemon)
        kill(worker.pid)
        daemon.line(rf"worker {worker.pid} died unexpectedly with status:9, restarting")
    case.answered(case.generation(6, daemon), 6)
