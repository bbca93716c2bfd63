"""The stop: by each signal, at any moment, and what is left after it."""

import os
import signal
import time

from harness import processes
from harness.checks import check, expect, read
from harness.clients import ask
from harness.moments import let_pass, meanwhile
from harness.ports import free_port
from harness.processes import eventually
from ..case import SLEEPER, Case, section
from ..clients import Echo, port_of


def one(case: Case, *behaviour: str, lines=()) -> None:
    case.configure(section("worker", "web", case.worker("web", *behaviour), "readiness notify", *lines))


def by(name: str, code: int, told: str) -> None:
    @check(f"{name}: every child gets {told}, all ends with {code}; nothing is left")
    def run(case: Case) -> None:
        case.configure(
            f"listen l\n    bind unix:{case.path('socket')}\n",
            section("worker", "web", case.worker("web"), "readiness notify", "listen l", "instances 2"),
            section("program", "side", case.worker("side"), "readiness notify"))
        master = case.start()
        pids = master.current()
        master.send(getattr(signal, f"SIG{name}"))
        master.ends(code)
        for pid in pids:
            expect([each for each in case.events(pid) if each in told.split(" or ")], f"{pid} got {case.events(pid)}")
        case.expect_nothing_left()


by("TERM", 0, "TERM")
by("INT", 130, "INT or TERM")
by("USR1", 0, "USR1 or TERM")


@check("INT does not wait for a worker that drains or ignores it")
def interrupt(case: Case) -> None:
    one(case, "ignore=TERM,INT,USR1")
    master = case.start()
    begin = time.monotonic()
    master.send(signal.SIGINT)
    master.ends(130)
    expect(time.monotonic() - begin < 5, f"it took {time.monotonic() - begin:.1f} s")


@check("INT after TERM ends what still drains at once")
def interrupt_after(case: Case) -> None:
    one(case, "drain=60", lines=["stop-timeout none"])
    master = case.start()
    master.send(signal.SIGTERM)
    case.happens(case.met("web")["pid"], "TERM")
    master.send(signal.SIGINT)
    master.ends(None, 6)


@check("TERM waits for a worker that drains, within its time")
def drain(case: Case) -> None:
    one(case, "drain=0.4")
    master = case.start()
    begin = time.monotonic()
    master.stop()
    expect(time.monotonic() - begin >= 0.4, "it did not wait")


@check("a worker that ignores TERM is killed after stop-timeout, not before; the end is 0 or 137")
def killed(case: Case) -> None:
    one(case, "ignore=TERM,INT,USR1", lines=["stop-timeout 400ms"])
    master = case.start()
    begin = time.monotonic()
    master.send(signal.SIGTERM)
    master.ends(None)
    seconds = time.monotonic() - begin
    case.note(f"{seconds:.2f} s, code {master.code()}")
    expect(0.35 <= seconds < 2, f"it took {seconds:.2f} s")
    expect(master.code() in (0, 137), f"ended with {master.code()}")
    case.expect_nothing_left()


@check("USR1: no new work, until the last connection is done; the control socket stays usable")
def soft(case: Case) -> None:
    master = case.start_workers(1)
    port = port_of(master)
    with Echo(port) as echo:
        expect(echo.says(), "no echo before")
        master.send(signal.SIGUSR1)
        expect(eventually(lambda: not _accepts(port)), "new connections are still accepted")
        expect(echo.says("still"), "the connection was ended by the soft stop")
        expect(master.answers(), "the control socket does not answer")
    master.ends(0)
    case.expect_nothing_left()


def _accepts(port: int) -> bool:
    try:
        with Echo(port) as echo:
            return echo.says("x", 0.2)
    except OSError:
        return False


@check("a soft stop has no time-out; TERM after it ends in its ordinary time")
def term_after_soft(case: Case) -> None:
    one(case, "drain=60", lines=["stop-timeout 300ms"])
    master = case.start()
    pid = case.met("web")["pid"]
    master.send(signal.SIGUSR1)
    expect(eventually(lambda: case.events(pid, "USR1") or case.events(pid, "TERM")), "the worker was told nothing")
    meanwhile(0.6)
    expect(processes.alive(pid), "it was ended by a time-out")
    master.send(signal.SIGTERM)
    master.ends(None, 3)


@check("a stop reaches old workers too")
def old_ones(case: Case) -> None:
    one(case, "drain=0.6")
    master = case.start()
    master.reload()
    master.reload()
    expect(len(master.offspring()) == 3, f"children {master.offspring()}")
    master.stop()
    case.expect_nothing_left()


@check("grandchildren end with their worker, although they ignore TERM: the group is killed")
def grandchildren(case: Case) -> None:
    one(case, "child", lines=["stop-timeout 500ms"])
    master = case.start()
    path = os.path.join(case.records, f"child-{case.met('web')['pid']}")
    child = int(master.wait(lambda: read(path), "the grandchild"))
    expect(processes.alive(child), "the grandchild does not run")
    master.send(signal.SIGTERM)
    master.ends(None)
    expect(eventually(lambda: not processes.alive(child), 3), "the grandchild lives on")


@check("a grandchild that is a plain command gets the stop signal through the group")
def group(case: Case) -> None:
    pid_path = case.path("grandchild")
    command = case.script("parent", f"sleep 1000 & echo $! >{pid_path}; trap 'exit 0' TERM; wait; wait")
    case.configure(section("worker", "web", command))
    master = case.start()
    child = int(master.wait(lambda: read(pid_path).strip(), "the grandchild"))
    master.stop()
    expect(eventually(lambda: not processes.alive(child), 2), "the grandchild lives on")


@check("after: the start goes in order, each when the one before is ready; the stop runs backwards")
def order(case: Case) -> None:
    case.configure(
        section("worker", "third", case.worker("third", "drain=0.1"), "readiness notify", "after second"),
        section("program", "second", case.worker("second", "ready=0.1", "drain=0.1"), "readiness notify",
                "after first"),
        section("program", "first", case.worker("first", "ready=0.1"), "readiness notify"))
    master = case.start()
    met = [case.met(name) for name in ("first", "second", "third")]
    pids = [facts["pid"] for facts in met]
    times = [(facts["time"], case.moment(facts["pid"], "ready")) for facts in met]
    expect(times[0][1] <= times[1][0] and times[1][1] <= times[2][0], f"starts and readiness {times}")
    master.stop()
    ends = [case.moment(pid, "TERM") for pid in pids]
    expect(ends[2] + 0.1 <= ends[1] and ends[1] + 0.1 <= ends[0], f"the signals to stop at {ends}")


@check("stop-signal: a service's own instead of TERM")
def own_signal(case: Case) -> None:
    one(case, "ignore=TERM", lines=["stop-signal INT"])
    master = case.start()
    master.stop()
    pid = case.met("web")["pid"]
    expect(case.events(pid, "INT") and not case.events(pid, "TERM"), f"{case.events(pid)}")


@check("TERM in a start ends it, without a trace, at 10 moments", slow=True)
def in_start(case: Case) -> None:
    one(case, "unready")
    for step in range(10):
        master = case.start(ready=False)
        let_pass(0.004 * step)
        master.send(signal.SIGTERM)
        master.ends(None)
        # Before its handlers are there the signal ends it as it ends everybody.
        expect(master.code() in (0, 1, -15, 143), f"moment {step}: ended with {master.code()}")
        case.expect_nothing_left()


@check("TERM while the first workers are starting: an end, no child left")
def while_starting(case: Case) -> None:
    one(case, "unready", lines=["instances 3"])
    master = case.start(ready=False)
    case.met("web", 3)
    master.send(signal.SIGTERM)
    master.ends(None)
    expect(master.code() in (0, 1, 143), f"ended with {master.code()}")
    case.expect_nothing_left()


def back_to_back(first: str, second: str) -> None:
    @check(f"{first} and {second} back to back, six times: it always stops with 0", slow=True)
    def run(case: Case) -> None:
        case.configure(section("worker", "web", SLEEPER, "instances 2"))
        for _ in range(6):
            master = case.start()
            for name in (first, second):
                master.send(getattr(signal, f"SIG{name}"))
            master.ends(0)
            case.expect_nothing_left()
            os.unlink(case.log_file)


back_to_back("USR2", "TERM")
back_to_back("TERM", "USR2")
back_to_back("HUP", "TERM")
back_to_back("TERM", "HUP")
back_to_back("USR2", "USR1")


@check("TERM 0 to 20 ms after USR2, in steps of 2 ms: it always stops with 0", slow=True)
def term_after_reload(case: Case) -> None:
    one(case)
    for milliseconds in range(0, 21, 2):
        master = case.start()
        master.send(signal.SIGUSR2)
        let_pass(milliseconds / 1000)
        master.send(signal.SIGTERM)
        master.ends(0)
        case.expect_nothing_left()
        os.unlink(case.log_file)


@check("a stop removes Unix listeners, but leaves a file that somebody else has put there since")
def foreign_file(case: Case) -> None:
    path = case.path("web.sock")
    case.configure(f"listen l\n    bind unix:{path}\n", section("worker", "web", SLEEPER, "listen l"))
    master = case.start()
    os.unlink(path)
    case.touch("web.sock")
    master.stop()
    expect(os.path.exists(path), "it removed a file that is not its own")


@check("--workers: TERM ends with 0, INT with 130, USR1 with 0")
def workers(case: Case) -> None:
    for name, code in (("TERM", 0), ("INT", 130), ("USR1", 0)):
        master = case.start_workers(2)
        master.send(getattr(signal, f"SIG{name}"))
        master.ends(code)
        case.expect_nothing_left()
        os.unlink(case.log_file)


@check("--workers: a worker that ignores its stop is ended in the end", slow=True)
def deaf_worker(case: Case) -> None:
    master = case.start_workers(1, "--fault-main", "ignore-stop", "--fault-short-grace", program=case.faultd)
    begin = time.monotonic()
    master.send(signal.SIGTERM)
    master.ends(None)
    expect(0.5 < time.monotonic() - begin < 9, f"it took {time.monotonic() - begin:.1f} s")
    case.expect_nothing_left()


@check("connections that wait in the queue at a reload are served; at the stop the port is free at once")
def port_free(case: Case) -> None:
    port = free_port()
    case.configure(f"listen l\n    bind 127.0.0.1:{port}\n",
                   section("worker", "web", case.worker("web"), "listen l", "readiness notify"))
    for _ in range(3):
        master = case.start()
        expect(ask(("127.0.0.1", port))[0] == 1, "no answer")
        master.stop()
        os.unlink(case.log_file)
