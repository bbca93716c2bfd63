"""Section 3: --stop and --restart, which act on the running one."""

import re
import threading
import time
from concurrent.futures import ThreadPoolExecutor

from harness.checks import check, expect, read
from harness.processes import alive, eventually, kill
from ..case import Case


@check("--stop ends it and returns when it has ended")
def stop(case: Case) -> None:
    daemon = case.serving("--port=0", *case.files, worker=["drain=1"])
    outcome = case.run("--stop", f"--pid-file={case.pid_file}")
    expect(outcome.code == 0 and outcome.seconds > 0.9, f"{outcome}")
    said = rf"stop_server \(pid:\d+\) stopping now \(pid:{daemon.pid}\)\.\.\.\n"
    expect(re.fullmatch(said, outcome.err), f"{outcome}")
    expect(not case.generation(1).is_alive, "the worker lives on")
    daemon.ends(0)
    case.expect_no_files()


@check("--stop without a running one: 2 without a pid file, 3 with a dead one's")
def stop_nothing(case: Case) -> None:
    expect(case.run("--stop", f"--pid-file={case.pid_file}").code == 2, f"{case.outcomes[-1]}")
    case.write("pid", "4194303\n")
    outcome = case.run("--stop", f"--pid-file={case.pid_file}")
    expect(outcome.code == 3, f"{outcome}")


@check("--stop does not signal a stranger that got the dead one's pid", known="it kills whoever has the pid")
def stop_stranger(case: Case) -> None:
    daemon = case.serving("--port=0")
    stranger = case.generation(1, daemon)
    case.write("pid", f"{stranger.pid}\n")
    outcome = case.run("--stop", f"--pid-file={case.pid_file}")
    expect(outcome.code not in (0, None), f"{outcome}")
    expect(stranger.is_alive and not stranger.events(), f"the stranger got {stranger.events()}")
    case.may_leave_files = True


@check("--stop of an empty or garbled pid file is an error", known="it signals its own group, or waits")
def stop_garbled(case: Case) -> None:
    for text in ("", "\n", "abc\n", "0\n"):      # not -1: a subject that signals that ends every process of the machine
        case.write("pid", text)
        outcome = case.run("--stop", f"--pid-file={case.pid_file}", seconds=3)
        expect(outcome.code not in (0, None) and outcome.code > 0, f"{text!r}: {outcome}")
    case.may_leave_files = True


@check("--restart returns when one generation is left, the newer one")
def restart(case: Case) -> None:
    daemon = case.serving("--port=0", *case.files, worker=["when=1", "drain=1"])
    outcome = case.run("--restart", *case.files)
    expect(outcome.code == 0, f"{outcome}")
    second = case.generation(2, daemon)
    expect(not case.generation(1).is_alive, "the old worker lives on")
    expect(read(case.status_file) == f"2:{second.pid}\n", f"status file {read(case.status_file)!r}")
    daemon.line("received HUP, spawning a new worker")


@check("--restart without a running one fails with the reason's number")
def restart_nothing(case: Case) -> None:
    expect(case.run("--restart", *case.files).code == 2, f"{case.outcomes[-1]}")
    case.write("pid", "4194303\n")
    expect(case.run("--restart", *case.files).code in (2, 3), f"{case.outcomes[-1]}")
    case.write("status", "1:4194303\n")
    expect(case.run("--restart", *case.files).code == 3, f"{case.outcomes[-1]}")


@check("--restart returns too when an attempt failed before the new generation", slow=True,
       known="it waits for a generation that never comes")
def restart_with_gap(case: Case) -> None:
    daemon = case.start("--port=0", *case.files, interval="1", worker=["when=2", "die=1"])
    daemon.wait(lambda: read(case.status_file), "a status file")
    outcome = case.run("--restart", *case.files)
    expect(outcome.code == 0, f"{outcome}")
    expect(read(case.status_file) == f"3:{case.generation(3).pid}\n", f"{read(case.status_file)!r}")


@check("--restart of a new generation that keeps failing says so, with 1, after --start-timeout", ours=True, slow=True)
def restart_failing(case: Case) -> None:
    broken = case.write("broken", "")
    daemon = case.start("--port=0", *case.files, interval="1",
                        worker=["when=2,3,4,5,6,7,8,9", f"die-while={broken}"])
    daemon.wait(lambda: read(case.status_file), "a status file")
    begin = time.monotonic()
    outcome = case.run("--restart", "--start-timeout=3", *case.files)
    seconds = time.monotonic() - begin
    expect(outcome.code == 1 and outcome.err.count("\n") == 1, f"{outcome}")
    expect(seconds < 6, f"it took {seconds:.2f} s")
    case.answered(case.generation(1), 1)


@check("--restart does not wait for ever when the superdaemon ends meanwhile", slow=True,
       known="it waits for ever, or fails by luck")
def restart_ended(case: Case) -> None:
    daemon = case.start("--port=0", *case.files, interval="2")
    daemon.wait(lambda: read(case.status_file), "a status file")
    threading.Timer(1, lambda: kill(daemon.pid)).start()
    outcome = case.run("--restart", *case.files, seconds=6)
    expect(outcome.code not in (0, None), f"{outcome}")
    for pid in case.living():
        kill(pid)
    expect(eventually(lambda: not alive(daemon.pid)), "it lives on")
    case.may_leave_files = True


@check("two restarts at once both return", slow=True, known="the one that comes second waits for ever")
def restart_twice(case: Case) -> None:
    daemon = case.start("--port=0", *case.files, interval="1")
    daemon.wait(lambda: read(case.status_file), "a status file")
    with ThreadPoolExecutor(3) as pool:
        outcomes = list(pool.map(lambda _: case.run("--restart", *case.files), range(3)))
    expect([each.code for each in outcomes] == [0, 0, 0], f"{outcomes}")
