"""Section 3, point 5: the stop, in every phase."""

import signal
import time

from harness.checks import check, expect
from harness.moments import let_pass
from harness.processes import eventually, kill, takes
from ..case import Case


def stop_at_once(case: Case, number: int, limit: float = 0.8) -> None:
    """The worker takes no time to end, so the stop must not either."""
    begin = time.monotonic()
    case.running[-1].stop(number)
    seconds = time.monotonic() - begin
    expect(seconds < limit, f"the stop took {seconds:.2f} s")


@check("TERM: the lines are exactly the original's, exit 0")
def term(case: Case) -> None:
    daemon = case.serving("--port=0", *case.files, f"--path={case.socket}")
    worker = case.generation(1)
    stop_at_once(case, signal.SIGTERM)
    meant = [f"received TERM, sending TERM to all workers:{worker.pid}", f"worker {worker.pid} died, status:0",
             "exiting"]
    expect(daemon.lines[-3:] == meant, f"{daemon.lines[-3:]}, not {meant}")
    expect([event for _, event in worker.events()] == ["TERM"], f"{worker.events()}")
    case.expect_no_files()


@check("the raw status is told of a worker that dies of the signal")
def raw_status(case: Case) -> None:
    daemon = case.start("--port=0", program=["sleep", "1000"])
    pid = daemon.line(r"starting new worker (\d+)").group(1)
    daemon.stop()
    daemon.line(f"worker {pid} died, status:15")


@check("INT always sends TERM, TERM what --signal-on-term says")
def signal_on_term(case: Case) -> None:
    for index, (number, name, sent) in enumerate(((signal.SIGINT, "INT", "TERM"), (signal.SIGTERM, "TERM", "USR1"))):
        worker = [f"run={index}", "exit-on=TERM,USR1"]
        daemon = case.start("--port=0", "--signal-on-term=sigUsr1", worker=worker)
        found = daemon.wait(lambda: [each for each in case.workers() if each["argv"] == worker], "a worker")[0]
        daemon.stop(number)
        daemon.line(f"received {name}, sending {sent} to all workers:{found.pid}")
        expect([event for _, event in found.events()] == [sent], f"{found.events()}")


@check("QUIT stops like INT", known="it ends by the signal and orphans the worker")
def quit_signal(case: Case) -> None:
    daemon = case.serving("--port=0", "--signal-on-term=USR1", *case.files)
    worker = case.generation(1)
    daemon.stop(signal.SIGQUIT)
    daemon.line(f"received QUIT, sending TERM to all workers:{worker.pid}")
    expect(not worker.is_alive, "the worker lives on")


@check("all generations are told, in ascending order, and awaited", slow=True)
def all_generations(case: Case) -> None:
    daemon = case.serving("--port=0", *case.files, worker=["when=1,2,3", "drain=2"])
    for generation in (1, 2):
        case.generation(generation, daemon)
        daemon.reload()
    case.generation(3, daemon)
    pids = sorted(each.pid for each in case.workers())
    daemon.send(signal.SIGTERM)
    daemon.line(f"received TERM, sending TERM to all workers:{pids[0]},{pids[1]},{pids[2]}")
    for pid in pids:
        daemon.line(f"worker {pid} died, status:0")
    daemon.ends(0)
    expect(daemon.lines[-1] == "exiting", f"{daemon.lines[-1]}")


@check("the stop waits for a worker that drains")
def drains(case: Case) -> None:
    daemon = case.serving("--port=0", worker=["drain=1.5"])
    begin = time.monotonic()
    daemon.stop()
    expect(time.monotonic() - begin > 1.4, "it did not wait")
    expect(not case.generation(1).is_alive, "the worker lives on")


@check("at once during the interval of the first start")
def during_interval(case: Case) -> None:
    daemon = case.start("--port=0", *case.files, interval="30")
    case.generation(1, daemon)
    stop_at_once(case, signal.SIGTERM)


@check("at once during the interval of a reload")
def during_reload(case: Case) -> None:
    daemon = case.serving("--port=0", *case.files, f"--path={case.socket}", interval="1")
    daemon.hup()
    second = case.generation(2, daemon)
    stop_at_once(case, signal.SIGTERM)
    pids = sorted(each.pid for each in case.workers())
    daemon.line(f"received TERM, sending TERM to all workers:{pids[0]},{pids[1]}")
    expect(not second.is_alive, "the new worker lives on")


@check("at once while starts keep failing", known="it starts one more worker and waits out its interval")
def during_failing(case: Case) -> None:
    daemon = case.start("--port=0", *case.files, f"--path={case.socket}", interval="30", program=["false"])
    daemon.line(r"starting new worker \d+")
    daemon.line(r"new worker \d+ seems to have failed to start, .*")
    stop_at_once(case, signal.SIGTERM)


@check("at once during kill-old-delay", known="it waits the delay out")
def during_delay(case: Case) -> None:
    for index, number in enumerate((signal.SIGTERM, signal.SIGINT)):
        daemon = case.start("--port=0", "--kill-old-delay=4", worker=[f"run={index}"])
        daemon.wait(lambda: [each for each in case.workers() if each["argv"] == [f"run={index}"]], "a worker")
        daemon.hup()
        daemon.line("sleeping 4 secs before killing old workers")
        daemon.wait(lambda: len([w for w in case.workers() if w["argv"] == [f"run={index}"]]) == 2, "the second")
        stop_at_once(case, number)
        daemon.line(r"received (TERM|INT), sending TERM to all workers:\d+,\d+")


@check("HUP while stopping starts nothing")
def hup_while_stopping(case: Case) -> None:
    daemon = case.serving("--port=0", *case.files, worker=["drain=1"])
    daemon.send(signal.SIGTERM)
    daemon.line(r"received TERM, sending TERM to all workers:\d+")
    for _ in range(5):
        daemon.hup()
        let_pass(0.02)
    daemon.ends(0)
    expect(len(daemon.matches(r"starting new worker \d+")) == 1, "it started another worker")


@check("a second TERM while stopping does no harm")
def second_term(case: Case) -> None:
    daemon = case.serving("--port=0", *case.files, worker=["drain=1"])
    for number in (signal.SIGTERM, signal.SIGTERM, signal.SIGINT):
        daemon.send(number)
        expect(takes(daemon.pid, number), "it does not take the signal")
    daemon.ends(0)
    expect(not case.generation(1).is_alive, "it left before its worker")


@check("a worker that dies while stopping is not replaced")
def dies_while_stopping(case: Case) -> None:
    daemon = case.serving("--port=0", worker=["drain=30"])
    daemon.send(signal.SIGTERM)
    daemon.line(r"received TERM, .*")
    worker = case.generation(1)
    expect(eventually(lambda: worker.events("TERM")), "the worker got no TERM")
    kill(worker.pid)
    daemon.ends(0)
    daemon.line(f"worker {worker.pid} died, status:9")
    expect(len(case.workers()) == 1, f"{case.workers()}")


@check("TERM right after HUP, and HUP right after TERM, always end",
       known="a TERM that comes together with a HUP is not handled before the next signal")
def both(case: Case) -> None:
    for index, numbers in enumerate(((signal.SIGHUP, signal.SIGTERM), (signal.SIGTERM, signal.SIGHUP)) * 3):
        daemon = case.start("--port=0", *case.files, worker=[f"run={index}"])
        daemon.wait(lambda: [each for each in case.workers() if each["argv"] == [f"run={index}"]], "a worker")
        for number in numbers:
            daemon.send(number)
        daemon.ends(0)
    case.expect_no_files()
