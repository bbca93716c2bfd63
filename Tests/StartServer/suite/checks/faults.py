"""Section 4: where the original fails. What touches files, log, daemonizing and commands is with those."""

import os
import signal
import time

from harness.checks import check, expect, read
from harness.moments import let_pass
from harness.processes import eventually, kill, takes
from ..case import Case
from ..clients import Visitor
from ..daemon import Daemon


def untouched(case: Case, daemon: Daemon, status: str) -> None:
    """The first generation serves, and its files and socket are as they were."""
    first = case.generation(1)
    daemon.still_runs()
    expect(first.is_alive and not first.events(), f"the old worker got {first.events()}")
    expect(case.ask(first) == (1, first.pid), "the old worker does not serve")
    expect(read(case.pid_file) == f"{daemon.pid}\n", f"pid file {read(case.pid_file)!r}")
    expect(read(case.status_file) == status == f"1:{first.pid}\n", f"status file {read(case.status_file)!r}")


@check("exec of the new program fails at HUP: nothing is lost, and it is tried again",
       known="its child deletes the live socket, pid file and status file")
def exec_fails(case: Case) -> None:
    words = " ".join(f"'{word}'" for word in case.worker())
    program = case.script("worker", f"exec {words}")
    daemon = case.serving(f"--path={case.socket}", *case.files, program=[program])
    status = read(case.status_file)
    os.rename(program, program + ".away")
    daemon.hup()
    daemon.line(rf"failed to exec {program}(: )?No such file or directory.*", 2)
    untouched(case, daemon, status)
    os.rename(program + ".away", program)
    daemon.line("killing old workers")
    expect(eventually(lambda: len(case.workers()) > 1), "no new worker")
    case.answered(case.workers()[-1], case.workers()[-1].generation)


@check("a program that was never there: the attempts go on, the reason is told", known="the text lacks its colon")
def never_there(case: Case) -> None:
    daemon = case.start("--port=0", *case.files, program=[case.path("missing")])
    daemon.line(f"failed to exec {case.path('missing')}: No such file or directory.*", 2)
    case.write("script", "text")
    daemon.stop()
    daemon = case.start("--port=0", program=[case.path("script")])
    daemon.line(f"failed to exec {case.path('script')}: Permission denied.*", 2)


@check("--dir is gone at HUP: nothing is lost, and it is tried again",
       known="its child deletes the live socket, pid file and status file")
def directory_gone(case: Case) -> None:
    os.mkdir(case.path("below"))
    daemon = case.serving(f"--path={case.socket}", *case.files, "--dir=below")
    status = read(case.status_file)
    os.rename(case.path("below"), case.path("away"))
    daemon.hup()
    daemon.line(r"starting new worker \d+|failed to .*below.*", 3)
    untouched(case, daemon, status)
    expect("below" in daemon.log, "the reason is not told")
    os.rename(case.path("away"), case.path("below"))
    daemon.line("killing old workers")


@check("a second HUP during the start-up check does not accept the unproven worker", slow=True,
       known="it retires the good worker")
def second_hup(case: Case) -> None:
    daemon = case.start("--port=0", *case.files, interval="1", worker=["when=2,3,4", "die-after=0.5"])
    first = case.generation(1, daemon)
    daemon.wait(lambda: os.path.exists(case.status_file), "a status file")
    daemon.hup()
    case.generation(2, daemon)
    with Visitor(first.address()) as visitor:
        daemon.hup()
        daemon.line(r"new worker \d+ seems to have failed to start, exit status:256")
        expect(not first.events() and first.is_alive, f"the good worker got {first.events()}")
    expect(not visitor.failures and 1 in visitor.generations, f"{visitor.failures[:3]}")
    case.generation(5, daemon)
    daemon.line("killing old workers")


@check("a new worker that dies during kill-old-delay: the old one stays, and the round starts again", slow=True,
       known="the old one is killed all the same")
def dies_in_delay(case: Case) -> None:
    daemon = case.serving("--port=0", "--kill-old-delay=2", *case.files, worker=["when=2", "die-after=0.5"])
    first = case.generation(1)
    daemon.hup()
    second = case.generation(2, daemon)
    daemon.line("sleeping 2 secs before killing old workers")
    with Visitor(first.address()) as visitor:
        expect(eventually(lambda: not second.is_alive), "the second worker lives on")
        third = case.generation(3, daemon)
        expect(third["time"] - second["time"] < 1.9, f"the next came after {third['time'] - second['time']:.2f} s")
        expect(not first.events("TERM"), "the old worker was told to stop before the third had proved itself")
        daemon.line("sleeping 2 secs before killing old workers", 2)
        case.answered(third, 3)
        daemon.line(f"old worker {first.pid} died, status:0")
    expect(not visitor.failures, f"{visitor.failures[:3]}")
    told = first.events("TERM")[0][0] - third["time"]
    expect(told > 1.5, f"the delay of the second round took {told:.2f} s")
    expect(read(case.status_file) == f"3:{third.pid}\n", f"status file {read(case.status_file)!r}")


@check("stray signals do not end it, nor reach the worker", known="USR1, USR2, ALRM and others end it")
def stray_signals(case: Case) -> None:
    for name in ("USR1", "ALRM", "PIPE", "WINCH", "CONT", "USR2"):
        daemon = case.start("--port=0", *case.files, worker=[f"run={name}"])
        worker = daemon.wait(lambda: [w for w in case.workers() if w["argv"] == [f"run={name}"]], "a worker")[0]
        daemon.wait(lambda: os.path.exists(case.status_file), "a status file")
        number = getattr(signal, f"SIG{name}")
        daemon.send(number)
        expect(takes(daemon.pid, number), f"{name} stays in its queue")
        daemon.still_runs()
        expect(worker.is_alive and not worker.events(), f"{name}: the worker got {worker.events()}")
        expect(case.ask(worker) == (1, worker.pid), f"{name}: the worker does not serve")
        daemon.stop()


@check("interval 0 with a broken program is tried with a back-off of at least 100 ms",
       known="it forks hundreds of times a second")
def no_storm(case: Case) -> None:
    daemon = case.start("--port=0", program=["false"])
    daemon.line(r"starting new worker \d+")
    begin = time.monotonic()
    daemon.line(r"starting new worker \d+", 7)
    paused(case, time.monotonic() - begin)


def paused(case: Case, seconds: float) -> None:
    """Between the first attempt and the seventh there are six pauses; the first may have begun before it was seen."""
    expect(seconds > 0.45, f"six more attempts in {seconds:.2f} s")
    case.note(f"six more attempts in {seconds:.2f} s")


@check("interval 0 with a program that cannot be executed is tried with a back-off too",
       known="it forks hundreds of times a second")
def no_exec_storm(case: Case) -> None:
    daemon = case.start("--port=0", program=[case.path("missing")])
    daemon.line("failed to exec .*")
    begin = time.monotonic()
    daemon.line("failed to exec .*", 7)
    paused(case, time.monotonic() - begin)


@check("interval 0 with a good program: a crash is answered at once, not after a back-off")
def prompt_replacement(case: Case) -> None:
    daemon = case.serving("--port=0")
    first = case.generation(1)
    let_pass(0.5)
    begin = time.monotonic()
    kill(first.pid)
    daemon.line(r"starting new worker \d+", 2)
    seconds = time.monotonic() - begin
    expect(seconds < 0.1, f"the next one came after {seconds * 1000:.0f} ms")
    case.generation(2, daemon)


@check("a worker that ignores TERM is killed after --stop-timeout", ours=True)
def ignores_term(case: Case) -> None:
    daemon = case.serving("--port=0", "--stop-timeout=1", *case.files, worker=["ignore=TERM"])
    worker = case.generation(1)
    begin = time.monotonic()
    daemon.stop()
    seconds = time.monotonic() - begin
    expect(0.9 < seconds < 3, f"the stop took {seconds:.2f} s")
    daemon.line(f"worker {worker.pid} died, status:9")


@check("old workers are signalled once, not at each HUP", known="they get another signal at each HUP")
def signalled_once(case: Case) -> None:
    daemon = case.serving("--port=0", worker=["when=1,2", "drain=3"])
    for generation in (1, 2, 3):
        case.generation(generation, daemon)
        daemon.reload()
    case.generation(4, daemon)
    for worker in case.workers()[:3]:
        daemon.line(f"old worker {worker.pid} died, status:0")
    told = [len(each.events("TERM")) for each in case.workers()]
    expect(told == [1, 1, 1, 0], f"TERMs per generation: {told}")


@check("many generations in a row leave no process and no descriptor behind", slow=True)
def no_leak(case: Case) -> None:
    daemon = case.start("--port=0", *case.files, program=["sleep", "1000"])
    daemon.line(r"starting new worker \d+")
    daemon.reload()
    daemon.line(r"old worker \d+ died, status:15")
    before = os.listdir(f"/proc/{daemon.pid}/fd")
    for round_ in range(2, 42):
        daemon.reload()
        daemon.line(r"old worker \d+ died, status:15", round_)
    expect(eventually(lambda: len(os.listdir(f"/proc/{daemon.pid}/fd")) <= len(before)),
           f"descriptors {sorted(before)} before, {sorted(os.listdir(f'/proc/{daemon.pid}/fd'))} after")
    expect(len(case.living()) == 2, f"{len(case.living())} processes live")
