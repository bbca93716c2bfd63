"""--readiness, --start-timeout: ours alone."""

import os
import socket
import signal
import time

from harness.checks import check, expect, read
from harness.processes import alive, eventually, takes
from ..case import Case
from ..clients import Visitor

NOTIFY = "--readiness=notify"


@check("READY=1 accepts the first worker long before the interval is over", ours=True)
def first_ready(case: Case) -> None:
    daemon = case.start("--port=0", NOTIFY, *case.files, interval="30", worker=["ready=0.3"])
    begin = time.monotonic()
    worker = case.generation(1, daemon)
    expect(not os.path.exists(case.status_file), "it is accepted before it is ready")
    daemon.wait(lambda: read(case.status_file) == f"1:{worker.pid}\n", "the status file", 3)
    expect(time.monotonic() - begin < 3, f"after {time.monotonic() - begin:.2f} s")
    expect(worker.events("ready"), "it is accepted before it is ready")


@check("a HUP's round ends within 5 ms of READY=1, at best of five", ours=True)
def latency(case: Case) -> None:
    daemon = case.start("--port=0", NOTIFY, *case.files, interval="30", worker=["ready=0.1"])
    daemon.wait(lambda: read(case.status_file), "the status file")
    for _ in range(5):
        daemon.reload()
    expect(eventually(lambda: len(case.workers()) == 6 and all(each.events("TERM") for each in case.workers()[:5])),
           "an old worker got no TERM")
    workers = case.workers()
    gaps = [workers[index].events("TERM")[0][0] - workers[index + 1].events("ready")[0][0] for index in range(5)]
    case.note(f"READY=1 to the old worker's TERM: {', '.join(f'{gap * 1000:.1f}' for gap in gaps)} ms")
    expect(all(gap > 0 for gap in gaps), f"told before the new one was ready: {gaps}")
    expect(min(gaps) < 0.005, f"{gaps}")


@check("the old worker serves until the new one is ready", ours=True)
def old_serves(case: Case) -> None:
    daemon = case.start("--port=0", NOTIFY, *case.files, worker=["ready=0.7"])
    daemon.wait(lambda: read(case.status_file), "the status file")
    first = case.generation(1)
    with Visitor(first.address()) as visitor:
        daemon.reload()
        second = case.generation(2)
        expect(eventually(lambda: first.events("TERM")), "the old worker got no TERM")
        case.answered(second, 2)
    expect(not visitor.failures, f"{visitor.failures[:3]}")
    expect(first.events("TERM")[0][0] > second.events("ready")[0][0], "it is told before the new one is ready")


@check("a worker that never gets ready is not accepted, however long it lives", ours=True)
def never_ready(case: Case) -> None:
    daemon = case.start("--port=0", NOTIFY, "--start-timeout=60", *case.files)
    case.generation(1, daemon)
    expect(not eventually(lambda: os.path.exists(case.status_file), 1.5), "it is accepted")
    daemon.stop()


@check("a worker that is not ready within --start-timeout is ended, and the next is tried", ours=True)
def start_timeout(case: Case) -> None:
    daemon = case.start("--port=0", NOTIFY, "--start-timeout=1", *case.files, worker=["when=2,3,4", "ready=0"])
    first = case.generation(1, daemon)
    daemon.line(rf"new worker {first.pid} seems to have failed to start, .*", 1, 4)
    expect(eventually(lambda: not first.is_alive), "it lives on")
    second = case.generation(2, daemon)
    daemon.wait(lambda: read(case.status_file) == f"2:{second.pid}\n", "the status file")


@check("a reload whose workers never get ready leaves the old one serving", ours=True, slow=True)
def failed_reload(case: Case) -> None:
    daemon = case.start("--port=0", NOTIFY, "--start-timeout=1", "--stop-timeout=1", *case.files,
                        worker=["when=1", "ready=0", "when=2,3,4,5,6", "ignore=TERM"])
    daemon.wait(lambda: read(case.status_file), "the status file")
    first = case.generation(1)
    daemon.hup()
    daemon.line(r"new worker \d+ seems to have failed to start, .*", 2)
    expect(first.is_alive and not first.events("TERM"), f"the old worker got {first.events()}")
    case.answered(first, 1)
    expect(read(case.status_file) == f"1:{first.pid}\n", f"status file {read(case.status_file)!r}")
    stubborn = case.generation(2)
    expect(eventually(lambda: not stubborn.is_alive), "a worker that ignores TERM is never ended")


@check("a worker that dies before it is ready has failed; one that dies after, died unexpectedly", ours=True)
def deaths(case: Case) -> None:
    behaviour = ["when=1", "die-after=0.3:4", "when=2", "ready=0", "die-after=0.5:5", "when=3", "ready=0"]
    daemon = case.start("--port=0", NOTIFY, *case.files, worker=behaviour)
    daemon.line(f"new worker {case.generation(1, daemon).pid} seems to have failed to start, exit status:1024")
    daemon.line(f"worker {case.generation(2, daemon).pid} died unexpectedly with status:1280, restarting")
    third = case.generation(3, daemon)
    daemon.wait(lambda: read(case.status_file) == f"3:{third.pid}\n", "the status file")


@check("READY=1 of a worker's child counts for the worker", ours=True)
def child_ready(case: Case) -> None:
    daemon = case.start("--port=0", NOTIFY, *case.files, interval="30", worker=["child-ready=0.2"])
    daemon.wait(lambda: read(case.status_file) == f"1:{case.generation(1).pid}\n", "the status file")


@check("READY=1 of a stranger counts for nobody", ours=True)
def stranger(case: Case) -> None:
    daemon = case.start("--port=0", NOTIFY, *case.files, worker=["ready=2"])
    address = case.generation(1, daemon).environment["NOTIFY_SOCKET"]
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sock:
        try:
            sock.connect("\0" + address[1:] if address.startswith("@") else address)
            for text in (b"READY=1", b"garbage", b"", b"\xff" * 5000, b"STATUS=x\nREADY=1\n"):
                sock.send(text)
        except OSError:
            pass      # refusing it is as good
    expect(not eventually(lambda: os.path.exists(case.status_file), 1), "the worker is accepted")
    daemon.wait(lambda: os.path.exists(case.status_file), "the status file")


@check("READY=1 of an old worker does not make the new one ready", ours=True)
def late_ready(case: Case) -> None:
    daemon = case.start("--port=0", "--start-timeout=60", NOTIFY, *case.files,
                        worker=["when=1", "ready=0", "child-ready=1.2"])
    daemon.wait(lambda: read(case.status_file), "the status file")
    first = case.generation(1)
    daemon.hup()
    case.generation(2, daemon)
    expect(eventually(lambda: len(first.events("ready")) == 2), "the old worker did not speak again")
    expect(not eventually(lambda: first.events("TERM"), 0.5), "the new worker is accepted")


@check("TERM and HUP while nobody is ready: the stop is at once, the reload one round", ours=True)
def signals_meanwhile(case: Case) -> None:
    daemon = case.start("--port=0", "--start-timeout=60", NOTIFY, *case.files, interval="30")
    case.generation(1, daemon)
    for _ in range(3):
        daemon.hup()
    expect(takes(daemon.pid, signal.SIGHUP), "it does not take HUP")
    begin = time.monotonic()
    daemon.stop()
    expect(time.monotonic() - begin < 1, f"the stop took {time.monotonic() - begin:.2f} s")


@check("--daemonize returns at READY=1", ours=True)
def daemonized(case: Case) -> None:
    case.daemonized("--port=0", NOTIFY, f"--status-file={case.status_file}", worker=["ready=0.5"], interval="30")
    seconds = case.outcomes[-1].seconds
    expect(0.4 < seconds < 3, f"it returned after {seconds:.2f} s")
    expect(case.generation(1).events("ready"), "it returned before")


@check("--readiness=interval is the default", ours=True)
def by_interval(case: Case) -> None:
    daemon = case.start("--port=0", "--readiness=interval", *case.files, interval="1")
    worker = case.generation(1, daemon)
    expect(not eventually(lambda: os.path.exists(case.status_file), 0.5), "it is accepted too early")
    daemon.wait(lambda: read(case.status_file) == f"1:{worker.pid}\n", "the status file")


@check("another word for --readiness is refused", ours=True)
def wrong_word(case: Case) -> None:
    for option in ("--readiness=maybe", "--start-timeout=soon"):
        outcome = case.refused(option)
        expect(option.split("=")[1] in outcome.err, f"the reason does not name it: {outcome}")


@check("EXTEND_TIMEOUT_USEC gives a slow start its time", ours=True)
def extended(case: Case) -> None:
    daemon = case.start("--port=0", NOTIFY, "--start-timeout=1", *case.files,
                        worker=["notify=EXTEND_TIMEOUT_USEC=20000000", "ready=2"])
    daemon.wait(lambda: read(case.status_file).startswith("1:"), "the first worker's acceptance")
    expect(len(case.workers()) == 1, f"{case.workers()}")


@check("MAINPID: the process that a worker names is the worker from then on, in the status file and for the stop",
       ours=True)
def main_process(case: Case) -> None:
    daemon = case.start("--port=0", NOTIFY, *case.files, worker=["mainpid"])
    first = case.generation(1, daemon)
    daemon.wait(lambda: read(case.status_file).startswith("1:"), "the status file")
    pid = int(read(case.status_file).partition(":")[2])
    expect(pid != first.pid, "it is the process that was started")
    expect(len(case.workers()) == 1, f"its parent's end counts as its own: {case.workers()}")
    daemon.stop()
    # Its parent may end later than it does.
    expect(eventually(lambda: not alive(pid)), "it was not stopped")


@check("--watchdog: a worker that gives no heartbeat is killed and replaced; without it nobody is told of one",
       ours=True)
def watchdog(case: Case) -> None:
    daemon = case.start("--port=0", "--watchdog=1", *case.files, worker=["ready=0"])
    first = case.generation(1, daemon)
    expect(first.environment.get("WATCHDOG_USEC") == "1000000", f"{first.environment.get('WATCHDOG_USEC')}")
    daemon.line(rf"worker {first.pid} missed its watchdog, sending KILL")
    daemon.line(rf"worker {first.pid} died unexpectedly with status:9, restarting")
    case.generation(2, daemon)
