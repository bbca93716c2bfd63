"""What ends well and is not to be started again; one-shots; codes that are a success or final."""

import os
import signal

from harness.checks import check, expect, read
from harness.processes import eventually
from ..case import Case, section

FINISHED = "Current program (\\d+) exited with code"


def ends(code: int) -> str:
    """A command that waits for a word on `go`, and exits with this code."""
    return f"sh -c 'read line <{{go}}; exit {code}'"


def configured(case: Case, *sections: str, **more) -> None:
    os.mkfifo(case.path("go"))
    case.configure(*(each.replace("{go}", case.path("go")) for each in sections), **more)


def go(case: Case) -> None:
    with open(case.path("go"), "w", encoding="utf-8") as fifo:
        fifo.write("go\n")


def beside_a_worker(number: int) -> None:
    @check(f"a program beside a worker exits with {number}: it stays away, the worker serves on")
    def run(case: Case) -> None:
        configured(case, section("worker", "web", case.worker("web"), "readiness notify"),
                   section("program", "once", ends(number)))
        master = case.start()
        pid = case.met("web")["pid"]
        go(case)
        master.says(rf"Current program \(\d+\) exited with code {number} ")
        master.reload()
        case.happens(pid, "TERM")
        master.still_runs()
        master.stop()


for each_number in (0, 130, 143):
    beside_a_worker(each_number)


@check("a program beside a worker exits with 3: a failure, and the end of everything")
def bad(case: Case) -> None:
    configured(case, section("worker", "web"), section("program", "once", ends(3)))
    master = case.start()
    go(case)
    master.ends(3)


@check("a program that ends with 0 while the start waits for another one fails nothing")
def in_start(case: Case) -> None:
    configured(case, section("worker", "web", case.worker("web", f"gate={case.path('gate')}"), "readiness notify"),
               section("program", "once", ends(0)))
    master = case.start(ready=False)
    go(case)
    master.says(r"exited with code 0 \(Exit\)")
    case.touch("gate")
    master.ready()
    expect(master.only("web") == case.met("web")["pid"], f"{master.children()}")


@check("a program that ends with 0 while a reload waits for another one fails nothing")
def in_reload(case: Case) -> None:
    gate = case.touch("gate")
    configured(case, section("worker", "web", case.worker("web", f"gate={gate}"), "readiness notify"),
               section("program", "once", ends(0)))
    master = case.start()
    go(case)
    master.says(r"exited with code 0 \(Exit\)")
    os.unlink(gate)
    with master.session() as session:
        session.send("reload\n")
        case.met("web", 2)
        go(case)
        master.says(r"exited with code 0 \(Exit\)", 2)
        case.touch("gate")
        expect(session.answer().startswith("Success=1"), "the reload has failed")
    master.still_runs()


@check("when the last one has ended with 0 the master ends with 0, and says so")
def last(case: Case) -> None:
    configured(case, section("program", "once", ends(0)), section("program", "twice", "sh -c 'exit 143'"))
    master = case.start()
    master.says(r"exited with code 143 ")
    go(case)
    master.ends(0)
    expect("All workers and programs have ended" in master.log, "no line")
    case.expect_nothing_left()


@check("--workers: a worker that exits with 0 stays away, the other serves on; after the last one the end is 0")
def workers(case: Case) -> None:
    master = case.start_workers(2)
    first, second = sorted(master.current())
    os.kill(first, signal.SIGTERM)
    master.says(rf"Current worker \({first}\) exited with code 0 ")
    master.wait(lambda: master.current() == [second], "the other one alone")
    os.kill(second, signal.SIGTERM)
    master.ends(0)


# One-shots


def counted(case: Case, code: int = 0) -> str:
    """A command that notes its run, and ends with this code."""
    return f"sh -c 'echo run >>{case.path('runs')}; exit {code}'"


def runs(case: Case) -> int:
    return len(read(case.path("runs")).split()) if os.path.exists(case.path("runs")) else 0


@check("a one-shot is ready when it has ended: what comes after it starts then")
def one_shot(case: Case) -> None:
    configured(case, section("worker", "web", case.worker("web"), "readiness notify", "after job"),
               "program job\n    command " + ends(0) + "\n    type oneshot\n")
    master = case.start(ready=False)
    master.says(r"New program \(\d+\) started for job")
    expect(case.facts("web") == [], "the worker was started before")
    go(case)
    master.ready()
    master.says(r"One-shot program \(\d+\) for job exited with code 0 \(Exit\)")
    expect(master.only("web") == case.met("web")["pid"], f"{master.children()}")


def again(line: str, times: int) -> None:
    @check(f"a one-shot {f'with {line} ' if line else ''}has run {times} times after a start and two reloads")
    def run(case: Case) -> None:
        more = f"    {line}\n" if line else ""
        case.configure(section("worker", "web"),
                       f"program job\n    command {counted(case)}\n    type oneshot\n{more}")
        master = case.start()
        master.reload()
        master.reload()
        expect(runs(case) == times, f"it ran {runs(case)} times")
        expect(master.ask("start job").startswith("Success=1"), "it cannot be started by hand")
        expect(runs(case) == times + 1, f"then it ran {runs(case)} times")


again("", 3)
again("on-reload keep", 1)


@check("a one-shot that fails: the start fails with its code in the reason, nothing is left")
def one_shot_fails(case: Case) -> None:
    case.configure(section("worker", "web", case.worker("web"), "readiness notify", "after job"),
                   "program job\n    command sh -c 'exit 5'\n    type oneshot\n")
    master = case.start(ready=False)
    master.ends(1)
    expect("job" in master.log and "code 5" in master.log, f"no reason: {master.log}")
    expect(case.facts("web") == [], "the worker was started all the same")
    case.expect_nothing_left()


@check("a one-shot that fails in a reload changes nothing")
def one_shot_fails_reload(case: Case) -> None:
    case.configure(section("worker", "web", case.worker("web"), "readiness notify", "after job"),
                   f"program job\n    command test ! -e {case.path('bad')}\n    type oneshot\n")
    master = case.start()
    pid = case.met("web")["pid"]
    case.touch("bad")
    reason = master.refuses()
    expect("job" in reason, f"the reason is {reason!r}")
    expect(master.only("web") == pid and case.events(pid) == ["ready"], f"the worker got {case.events(pid)}")


# Codes


@check("success-status 3: after 3 nothing is restarted, and it is no failure; in a stop neither")
def success(case: Case) -> None:
    case.configure(section("worker", "web", case.worker("web"), "readiness notify", "success-status 3",
                           "restart on-failure backoff 10ms 20ms"),
                   section("worker", "side", case.worker("side", "last=3"), "readiness notify", "success-status 3"))
    master = case.start()
    case.order(case.met("web")["pid"], "exit", 3)
    master.wait(lambda: not master.current("web"), "its end")
    expect(len(case.facts("web")) == 1, "it was started again")
    master.stop()


@check("final-status 78: not restarted after it, and a failure as the code is bad")
def final(case: Case) -> None:
    case.configure(section("worker", "web", case.worker("web"), "readiness notify", "final-status 78",
                           "restart on-failure backoff 10ms 20ms"), section("worker", "side"))
    master = case.start()
    case.order(case.met("web")["pid"], "exit", 7)
    case.happens(case.met("web", 2)["pid"], "ready")
    case.order(case.met("web", 2)["pid"], "exit", 78)
    master.ends(78)
    expect(eventually(lambda: len(case.facts("web")) == 2), f"{len(case.facts('web'))} processes")
