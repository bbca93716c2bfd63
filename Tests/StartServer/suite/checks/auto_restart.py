"""Section 3, point 6: restarts by time."""

import time

from harness.checks import check, expect
from harness.moments import meanwhile
from harness.processes import eventually, status
from ..case import Case

RESTART = ("--enable-auto-restart", "--auto-restart-interval=2", "--kill-old-delay=0")


@check("every interval a new generation, the old one told to stop", slow=True)
def by_time(case: Case) -> None:
    daemon = case.serving("--port=0", *RESTART)
    begin = time.monotonic()
    for generation in (2, 3):
        daemon.line(r"autorestart triggered \(interval=2\)", generation - 1)
        worker = case.generation(generation, daemon)
    daemon.line(r"old worker \d+ died, status:0", 2)
    seconds = time.monotonic() - begin
    expect(3 < seconds < 8, f"two restarts took {seconds:.2f} s")
    case.answered(worker, 3)
    expect(not daemon.matches("received HUP.*"), "it claims to have received HUP")


@check("by the variables ENABLE_AUTO_RESTART and AUTO_RESTART_INTERVAL too")
def by_variable(case: Case) -> None:
    variables = {"ENABLE_AUTO_RESTART": "1", "AUTO_RESTART_INTERVAL": "1", "KILL_OLD_DELAY": "0"}
    daemon = case.serving("--port=0", env=variables)
    daemon.line(r"autorestart triggered \(interval=1\)")
    case.generation(2, daemon)
    daemon.line(r"old worker \d+ died, status:0")


@check("forced at twice the interval while an old worker lives", slow=True)
def forced(case: Case) -> None:
    daemon = case.serving("--port=0", *RESTART, worker=["when=1", "drain=6"])
    daemon.line(r"autorestart triggered \(interval=2\)")
    begin = time.monotonic()
    second = case.generation(2, daemon)
    daemon.line(r"autorestart triggered \(forced, interval=2\)")
    seconds = time.monotonic() - begin
    expect(3 < seconds < 6.5, f"forced after {seconds:.2f} s")
    expect(case.generation(1).is_alive, "the old worker has gone")
    daemon.line(f"old worker {second.pid} died, status:0")
    case.generation(3, daemon)


@check("a HUP puts the next one off", slow=True)
def put_off(case: Case) -> None:
    daemon = case.serving("--port=0", "--enable-auto-restart", "--auto-restart-interval=3", "--kill-old-delay=0")
    meanwhile(1.5)
    daemon.reload()
    begin = time.monotonic()
    daemon.line(r"autorestart triggered \(interval=3\)")
    seconds = time.monotonic() - begin
    expect(seconds > 1.9, f"{seconds:.2f} s after the HUP")


@check("the delay is 5 s by default with it, 0 without", slow=True)
def default_delay(case: Case) -> None:
    daemon = case.serving("--port=0", "--enable-auto-restart")
    first = case.generation(1)
    begin = time.monotonic()
    daemon.hup()
    daemon.line("sleeping 5 secs before killing old workers")
    daemon.line("killing old workers")
    expect(4 < time.monotonic() - begin < 7, f"it took {time.monotonic() - begin:.2f} s")
    daemon.line(f"old worker {first.pid} died, status:0")


@check("TERM and HUP are taken at once while it is on")
def signals(case: Case) -> None:
    daemon = case.serving("--port=0", *RESTART)
    begin = time.monotonic()
    daemon.reload()
    case.generation(2, daemon)
    daemon.stop()
    expect(time.monotonic() - begin < 1.5, f"it took {time.monotonic() - begin:.2f} s")


@check("at rest it does not wake up when it is off", slow=True)
def rest(case: Case) -> None:
    daemon = case.serving("--port=0", *case.files)
    case.generation(1, daemon)
    switches = wakes(daemon.pid)
    eventually(lambda: settled(daemon.pid), 3)
    switches = wakes(daemon.pid)
    meanwhile(3)
    expect(wakes(daemon.pid) == switches, f"{wakes(daemon.pid) - switches} wake-ups in 3 s")


@check("at rest it sleeps until the next restart when it is on", slow=True, known="it wakes up every second")
def rest_when_on(case: Case) -> None:
    daemon = case.serving("--port=0", "--enable-auto-restart", "--auto-restart-interval=60")
    eventually(lambda: settled(daemon.pid), 2)
    switches = wakes(daemon.pid)
    meanwhile(3)
    expect(wakes(daemon.pid) == switches, f"{wakes(daemon.pid) - switches} wake-ups in 3 s")


def wakes(pid: int) -> int:
    return int(status(pid)["voluntary_ctxt_switches"])


def settled(pid: int) -> bool:
    before = wakes(pid)
    meanwhile(0.3)
    return wakes(pid) == before
