"""Fault injection: TERM and HUP at each moment of a start, of a reload and of a delay."""

import signal

from harness.checks import check, expect
from harness.moments import let_pass
from harness.processes import eventually
from ..case import Case
from ..daemon import Daemon

STEPS = [step / 1000 for step in range(0, 51, 2)]
"""Seconds after the start, or after the first signal."""
SLEEPER = ["sleep", "1000"]
UNGUARDED = "rarely: a signal between bind and its handlers leaves the Unix socket"
TOGETHER = "at times: a TERM that comes together with a HUP is not handled before the next signal"


def ended_by(daemon: Daemon, number: int, moment: float) -> int:
    """Waits for the end: by the signal as long as there is no handler, or with 0 after a start and a stop."""
    daemon.ends(None)
    code = daemon.code()
    expect(code in (0, -number), f"{moment * 1000:.0f} ms: ended with {code}")
    expect(code != 0 or "starting now..." in daemon.log, f"{moment * 1000:.0f} ms: ended with 0, silently")
    return code


def ended_without_trace(case: Case, moment: float) -> None:
    left = not eventually(lambda: not case.living(), 3)
    expect(not left, f"{moment * 1000:.0f} ms: processes are left: {case.living()}")
    case.expect_no_files()


def start_and_send(case: Case, moment: float, number: int) -> Daemon:
    daemon = case.start("--port=0", f"--path={case.socket}", *case.files, program=SLEEPER)
    let_pass(moment)
    daemon.send(number)
    return daemon


@check("TERM at each of 26 moments of a start always ends it, without a trace", slow=True, known=UNGUARDED)
def term_at_start(case: Case) -> None:
    codes = []
    for moment in STEPS:
        daemon = start_and_send(case, moment, signal.SIGTERM)
        codes.append(ended_by(daemon, signal.SIGTERM, moment))
        ended_without_trace(case, moment)
    case.note(f"{codes.count(0)} of {len(codes)} ended with 0, the others before they had a handler")


@check("TERM at each of 26 moments after its first line ends it, without a trace", slow=True, known=UNGUARDED)
def term_after_first_line(case: Case) -> None:
    codes = []
    for moment in STEPS:
        daemon = case.start("--port=0", f"--path={case.socket}", *case.files, program=SLEEPER)
        daemon.line(r"start_server \(pid:\d+\) starting now\.\.\.")
        let_pass(moment / 2)
        daemon.send(signal.SIGTERM)
        codes.append(ended_by(daemon, signal.SIGTERM, moment / 2))
        ended_without_trace(case, moment / 2)
    case.note(f"{codes.count(0)} of {len(codes)} ended with 0, the others before they had a handler")


@check("INT at each of 26 moments of a start always ends it, without a trace", slow=True, known=UNGUARDED)
def int_at_start(case: Case) -> None:
    for moment in STEPS:
        daemon = start_and_send(case, moment, signal.SIGINT)
        ended_by(daemon, signal.SIGINT, moment)
        ended_without_trace(case, moment)


@check("HUP at each of 26 moments of a start ends it without a trace, or it serves and reloads", slow=True,
       known=UNGUARDED)
def hup_at_start(case: Case) -> None:
    for moment in STEPS:
        daemon = start_and_send(case, moment, signal.SIGHUP)
        ready = eventually(lambda: daemon.code() is not None or daemon.matches(r"starting new worker \d+"))
        expect(ready, f"{moment * 1000:.0f} ms: it neither ends nor starts a worker")
        if daemon.code() is None:
            daemon.reload()
            daemon.stop()
        ended_by(daemon, signal.SIGHUP, moment)
        ended_without_trace(case, moment)


@check("HUP and then TERM, 0 to 50 ms apart, always end it with 0", slow=True,
       known=TOGETHER)
def hup_then_term(case: Case) -> None:
    for moment in STEPS:
        daemon = case.start("--port=0", *case.files, program=SLEEPER)
        daemon.line(r"starting new worker \d+")
        daemon.hup()
        let_pass(moment)
        daemon.send(signal.SIGTERM)
        daemon.ends(0)
        ended_without_trace(case, moment)


@check("TERM and then HUP, 0 to 50 ms apart, always end it with 0", slow=True,
       known=TOGETHER)
def term_then_hup(case: Case) -> None:
    for moment in STEPS:
        daemon = case.start("--port=0", *case.files, worker=["drain=0.05"])
        daemon.line(r"starting new worker \d+")
        daemon.send(signal.SIGTERM)
        let_pass(moment)
        daemon.hup()
        daemon.ends(0)
        ended_without_trace(case, moment)


@check("two HUPs, 0 to 50 ms apart, leave one worker that serves", slow=True,
       known="at times: its child swallows a TERM that comes between fork and exec")
def two_hups(case: Case) -> None:
    daemon = case.serving("--port=0", *case.files)
    worker = case.generation(1)

    def settled() -> bool:
        """The newest one is alone, and every round has ended."""
        newest = len(daemon.matches(r"starting new worker \d+"))
        return len(case.living()) == 2 and case.ask(worker)[0] == newest
    for moment in STEPS:
        before = len(daemon.matches(r"starting new worker \d+"))
        daemon.hup()
        let_pass(moment)
        daemon.hup()
        daemon.line(r"starting new worker \d+", before + 1)
        daemon.wait(settled, "one worker alone, the newest")


@check("TERM at each moment of a reload's interval ends it with 0", slow=True)
def term_in_interval(case: Case) -> None:
    daemons = [case.start("--port=0", interval="1", program=SLEEPER) for _ in range(8)]
    for each in daemons:
        each.line(r"starting new worker \d+")
    let_pass(1.2)
    for each in daemons:
        each.hup()
    for each in daemons:
        let_pass(0.15)
        each.send(signal.SIGTERM)
    for each in daemons:
        each.ends(0)


@check("TERM and HUP at each moment of kill-old-delay: always one worker, or the end", slow=True)
def in_delay(case: Case) -> None:
    daemons = [case.start("--port=0", "--kill-old-delay=1", program=SLEEPER) for _ in range(12)]
    for each in daemons:
        each.line(r"starting new worker \d+")
        each.hup()
    for index, each in enumerate(daemons):
        let_pass(0.1)
        each.send(signal.SIGTERM if index % 2 else signal.SIGHUP)
    for each in daemons[1::2]:
        each.ends(0)
    for each in daemons[::2]:
        each.line(r"old worker \d+ died, status:15", 2)
        each.stop()
