"""Section 3, points 1 to 4: start, death and reload, in the original's words."""

import os
import signal
import time

from harness.checks import check, expect, read
from harness.moments import let_pass
from harness.processes import alive, children, eventually, kill, stat
from ..case import Case
from ..clients import Visitor


@check("the start's lines are exactly the original's, without a time stamp")
def start_lines(case: Case) -> None:
    daemon = case.serving("--port=0")
    meant = [f"start_server (pid:{daemon.pid}) starting now...", f"starting new worker {case.generation(1).pid}"]
    expect(daemon.lines == meant, f"{daemon.lines}, not {meant}")
    expect(not read(daemon.out), f"standard output: {read(daemon.out)}")


@check("it says that it starts before it binds anything")
def says_first(case: Case) -> None:
    outcome = case.refused("--path=missing/a", code=2)
    expect(outcome.err.splitlines()[0].endswith("starting now..."), f"{outcome}")


@check("a worker that dies within the interval has failed, with its raw status, and the next is tried", slow=True)
def failed_start(case: Case) -> None:
    daemon = case.start("--port=0", *case.files, interval="1", worker=["when=1", "die=3", "when=2", "die-after=0.1:9"])
    for generation, status in ((1, 3 << 8), (2, 9 << 8)):
        pid = case.generation(generation, daemon).pid
        expect(not os.path.exists(case.status_file), f"a status file before a worker was accepted: {case.status_file}")
        daemon.line(f"new worker {pid} seems to have failed to start, exit status:{status}")
    case.generation(3, daemon)
    daemon.wait(lambda: os.path.exists(case.status_file), "a status file")


@check("a worker killed within the interval has failed with the signal's number")
def killed_start(case: Case) -> None:
    daemon = case.start("--port=0", interval="1")
    worker = case.generation(1, daemon)
    kill(worker.pid)
    daemon.line(f"new worker {worker.pid} seems to have failed to start, exit status:9")
    case.generation(2, daemon)


@check("the interval is one second by default", slow=True)
def default_interval(case: Case) -> None:
    daemon = case.start("--port=0", interval="", worker=["when=1", "die-after=0.5"])
    pid = case.generation(1, daemon).pid
    daemon.line(f"new worker {pid} seems to have failed to start, exit status:256")
    second = case.generation(2, daemon)
    let_pass(1.5)
    kill(second.pid)
    daemon.line(f"worker {second.pid} died unexpectedly with status:9, restarting")


@check("a start that keeps failing is tried once per interval", slow=True)
def pace(case: Case) -> None:
    begin = time.monotonic()
    daemon = case.start("--port=0", interval="1", program=["false"])
    daemon.line(r"new worker \d+ seems to have failed to start, exit status:256", 3)
    seconds = time.monotonic() - begin
    expect(1.8 < seconds < 6, f"three attempts took {seconds:.2f} s")
    daemon.stop()


@check("the current worker's death is told with its raw status, and it is replaced")
def death(case: Case) -> None:
    daemon = case.serving("--port=0", worker=["when=1", "die-after=0.3:5"])
    first = case.generation(1)
    daemon.line(f"worker {first.pid} died unexpectedly with status:1280, restarting")
    second = case.generation(2, daemon)
    kill(second.pid, signal.SIGSEGV)
    daemon.line(rf"worker {second.pid} died unexpectedly with status:({11}|{11 | 0x80}), restarting")
    third = case.generation(3, daemon)
    case.answered(third, 3)
    daemon.in_order(*(f"starting new worker {each.pid}" for each in case.workers()))


@check("no connection is refused between a worker's death and its replacement")
def death_unseen(case: Case) -> None:
    daemon = case.serving("--port=0", interval="1")
    worker = case.generation(1)
    let_pass(1.2)
    kill(worker.pid)
    case.generation(2, daemon)
    with Visitor(worker.address()) as visitor:
        case.answered(worker, 2)
    expect(not visitor.failures, f"{visitor.failures[:3]}")


@check("HUP: the lines are exactly the original's, and the old worker gets TERM")
def reload(case: Case) -> None:
    daemon = case.serving("--port=0")
    first = case.generation(1)
    daemon.reload()
    second = case.generation(2, daemon)
    daemon.line(f"old worker {first.pid} died, status:0")
    meant = ["received HUP, spawning a new worker", f"starting new worker {second.pid}",
             f"new worker is now running, sending TERM to old workers:{first.pid}", "killing old workers",
             f"old worker {first.pid} died, status:0"]
    expect(daemon.lines[2:] == meant, f"{daemon.lines[2:]}, not {meant}")
    case.answered(second, 2)
    expect([name for _, name in first.events()] == ["TERM"], f"{first.events()}")
    expect(not second.events(), f"the new worker got {second.events()}")


@check("HUP: the old worker serves until the new one has lived for the interval", slow=True)
def old_serves(case: Case) -> None:
    daemon = case.serving("--port=0", interval="1")
    first = case.generation(1)
    let_pass(1.2)
    with Visitor(first.address()) as visitor:
        daemon.hup()
        second = case.generation(2, daemon)
        daemon.line("killing old workers")
        daemon.line(f"old worker {first.pid} died, status:0")
        case.answered(first, 2)
    expect(not visitor.failures, f"{visitor.failures[:3]}")
    told = first.events("TERM")[0][0] - second["time"]
    expect(0.7 < told < 3, f"the old worker was told to stop {told:.2f} s after the new one's main")


@check("HUP: a new generation that fails changes nothing, and is tried again", slow=True)
def failed_reload(case: Case) -> None:
    broken = case.write("broken", "")
    daemon = case.start("--port=0", *case.files, interval="1", worker=["when=2,3,4,5", f"die-while={broken}"])
    first = case.generation(1, daemon)
    daemon.wait(lambda: os.path.exists(case.status_file), "the first worker")
    status = read(case.status_file)
    daemon.hup()
    with Visitor(first.address()) as visitor:
        daemon.line(r"new worker \d+ seems to have failed to start, exit status:1792", 2)
    expect(not visitor.failures and set(visitor.generations) == {1}, f"{visitor.failures} {set(visitor.generations)}")
    expect(not first.events() and first.is_alive, f"the old worker got {first.events()}")
    expect(read(case.status_file) == status == f"1:{first.pid}\n", f"status file {read(case.status_file)!r}")
    os.unlink(broken)
    daemon.line(f"new worker is now running, sending TERM to old workers:{first.pid}")
    expect(case.workers()[-1].generation in (4, 5), f"{case.workers()}")


@check("HUP: with a delay, both serve until it is over", slow=True)
def delay(case: Case) -> None:
    daemon = case.serving("--port=0", "--kill-old-delay=2", *case.files)
    first = case.generation(1)
    daemon.hup()
    second = case.generation(2, daemon)
    daemon.line("sleeping 2 secs before killing old workers")
    begin = time.monotonic()
    expect(eventually(lambda: read(case.status_file) == f"1:{first.pid}\n2:{second.pid}\n"), read(case.status_file))
    daemon.line("killing old workers")
    seconds = time.monotonic() - begin
    expect(1.5 < seconds < 4, f"the delay took {seconds:.2f} s")
    daemon.line(f"old worker {first.pid} died, status:0")
    expect(eventually(lambda: read(case.status_file) == f"2:{second.pid}\n"), read(case.status_file))


@check("--signal-on-hup: name with or without SIG, in any case, or a number")
def signal_on_hup(case: Case) -> None:
    for index, (text, name) in enumerate((("USR1", "USR1"), ("sigusr2", "USR2"), ("Usr1", "USR1"), ("10", None))):
        worker = ["exit-on=USR1,USR2", f"run={index}"]
        daemon = case.start("--port=0", f"--signal-on-hup={text}", f"--signal-on-term={text}", worker=worker)
        first = daemon.wait(lambda: [w for w in case.workers() if w["argv"] == worker], "a worker")[0]
        daemon.reload()
        daemon.line(f"new worker is now running, sending {name or '.*'} to old workers:{first.pid}")
        daemon.line(f"old worker {first.pid} died, status:0")
        expect([event for _, event in first.events()] == [name or "USR1"], f"{text}: {first.events()}")
        daemon.wait(lambda: len([w for w in case.workers() if w["argv"] == worker]) == 2, "the second worker")
        daemon.stop()


@check("an old worker drains as long as it likes; further reloads go on meanwhile")
def slow_drain(case: Case) -> None:
    daemon = case.serving("--port=0", *case.files, worker=["when=1,2", "drain=2"])
    for generation in (1, 2):
        case.generation(generation, daemon)
        daemon.reload()
    third = case.generation(3, daemon)
    first, second, _ = case.workers()
    expect(first.is_alive and second.is_alive, "an old worker is gone already")
    pids = sorted((first.pid, second.pid))
    told = f"({pids[0]},{pids[1]}|{second.pid})"      # the first one was told already
    daemon.line(f"new worker is now running, sending TERM to old workers:{told}")
    text = f"1:{first.pid}\n2:{second.pid}\n3:{third.pid}\n"
    expect(eventually(lambda: read(case.status_file) == text), f"status file {read(case.status_file)!r}")
    case.answered(third, 3)
    daemon.line(f"old worker {first.pid} died, status:0")
    daemon.line(f"old worker {second.pid} died, status:0")
    expect(eventually(lambda: read(case.status_file) == f"3:{third.pid}\n"), f"{read(case.status_file)!r}")


@check("an old worker that dies during the round leaves none to signal, or is named", slow=True)
def old_dies(case: Case) -> None:
    daemon = case.serving("--port=0", interval="1")
    first = case.generation(1)
    let_pass(1.2)
    daemon.hup()
    case.generation(2, daemon)
    kill(first.pid)
    daemon.line(rf"new worker is now running, sending TERM to old workers:(none|{first.pid})")
    daemon.line(f"(old )?worker {first.pid} died.*status:9.*")
    daemon.reload()
    daemon.still_runs()


@check("HUPs during a round make one more round together", known="each HUP is a round of its own", slow=True)
def coalesced(case: Case) -> None:
    daemon = case.serving("--port=0", interval="1")
    let_pass(1.2)
    daemon.hup()
    case.generation(2, daemon)
    for _ in range(5):
        daemon.hup()
        let_pass(0.02)
    third = case.generation(3, daemon)
    case.answered(third, 3)
    more = eventually(lambda: len(case.workers()) > 3, 2.5)
    expect(not more, f"six HUPs gave {len(case.workers())} generations")


@check("strangers among its children are reaped silently")
def strangers(case: Case) -> None:
    daemon = case.start("--port=0", program=case.worker(), wrapper=["sh", "-c", 'sleep 0.3 & exec "$@"', "sh"])
    case.generation(1, daemon)

    def one_child() -> bool:
        left = children(daemon.pid)
        return len(left) == 1 and stat(left[0])[0] != "Z"
    expect(eventually(one_child), "a zombie stays")
    daemon.reload()
    case.generation(2, daemon)
    expect(alive(daemon.pid) and len(case.workers()) == 2, f"{case.workers()}")
