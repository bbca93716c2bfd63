"""What a worker's or a program's death leads to."""

import os
import re
import signal

from harness import processes
from harness.checks import check, expect
from harness.moments import meanwhile
from harness.processes import eventually
from ..case import Case, section
from ..clients import Visitor, echoes, port_of
from ..master import Master


def started(case: Case, *lines: str, kind: str = "worker", behaviour=(), settings=(), more=()) -> Master:
    case.configure(section(kind, "web", case.worker("web", *behaviour), "readiness notify", *lines), *more,
                   settings=settings)
    return case.start()


@check("the default is HAProxy's: kill -9 of a worker ends everything with 137, in its words")
def kill(case: Case) -> None:
    master = started(case, more=[section("program", "side", case.worker("side"), "readiness notify")])
    pid, side = case.met("web")["pid"], case.met("side")["pid"]
    processes.kill(pid)
    master.ends(137)
    expect(f"Current worker ({pid}) exited with code 137 (Killed)" in master.log, "HAProxy's line is missing")
    expect(case.events(side, "TERM"), f"the program got {case.events(side)}")
    case.expect_nothing_left()


def by_signal(name: str, code: int, text: str) -> None:
    @check(f"a worker that {name} kills: exit {code}, ({text})")
    def run(case: Case) -> None:
        case.configure(section("worker", "web", f"sh -c 'read line <{case.path('fifo')}; kill -{name} $$'"))
        os.mkfifo(case.path("fifo"))
        master = case.start()
        with open(case.path("fifo"), "w", encoding="utf-8") as fifo:
            fifo.write("go\n")
        master.ends(code)
        expect(f"exited with code {code} ({text})" in master.log, "HAProxy's line is missing")


by_signal("SEGV", 139, "Segmentation fault")
by_signal("ABRT", 134, "Aborted")


@check("a worker that exits with 3: everything ends with 3")
def code(case: Case) -> None:
    master = started(case)
    case.order(case.met("web")["pid"], "exit", 3)
    master.ends(3)
    expect("exited with code 3 (Exit)" in master.log, "HAProxy's line is missing")
    case.expect_nothing_left()


@check("the first bad code counts, not the ones that come of the stop")
def first_code(case: Case) -> None:
    master = started(case, behaviour=["last=9"], more=[
        section("worker", "second", case.worker("second", "last=8"), "readiness notify")])
    case.order(case.met("second")["pid"], "exit", 5)
    master.ends(5)


def not_bad(number: int) -> None:
    @check(f"exit code {number} of a current worker is not bad: the end is 0 whenever it comes")
    def run(case: Case) -> None:
        master = started(case, more=[section("program", "side", case.worker("side"), "readiness notify")])
        pid = case.met("web")["pid"]
        case.order(pid, "exit", number)
        expect(eventually(lambda: not processes.alive(pid)), "it lives on")
        if master.code() is None:
            master.send(signal.SIGTERM)
        master.ends(0)


not_bad(0)
not_bad(130)


@check("TERM to a sleeping command from outside: (143 (Terminated)), not bad")
def terminated(case: Case) -> None:
    case.configure(section("worker", "web"), section("program", "side"))
    master = case.start()
    os.kill(master.only("web"), signal.SIGTERM)
    master.says(r"Current worker \(\d+\) exited with code 143 \(Terminated\)")
    if master.code() is None:
        master.send(signal.SIGTERM)
    master.ends(0)


@check("no-exit-on-failure: the master goes on, a reload brings a new worker")
def no_exit(case: Case) -> None:
    master = started(case, settings=["no-exit-on-failure"])
    processes.kill(case.met("web")["pid"])
    master.says(r"Current worker \(\d+\) exited with code 137 \(Killed\)")
    expect(master.current("web") == [], f"{master.children()}")
    master.reload()
    expect(master.only("web") == case.met("web", 2)["pid"], f"{master.children()}")
    master.stop()


@check("an old worker's death is its own: Former worker (PID) exited with code 0 (Exit)")
def former(case: Case) -> None:
    master = started(case)
    pid = case.met("web")["pid"]
    master.reload()
    master.says(rf"Former worker \({pid}\) exited with code 0 \(Exit\)")
    master.still_runs()


@check("kill -9 of an old worker is told with 137, and the master goes on")
def former_killed(case: Case) -> None:
    master = started(case, behaviour=["drain=60"])
    pid = case.met("web")["pid"]
    master.reload()
    expect(any(row.pid == pid for row in master.table()["old workers"]), f"{master.table().text}")
    processes.kill(pid)
    master.says(rf"Former worker \({pid}\) exited with code 137 \(Killed\)")
    expect(len(master.current("web")) == 1, f"{master.children()}")
    case.order(master.only("web"), "exit", 0)
    master.send(signal.SIGTERM)
    master.ends(0)


@check("restart on-failure: a new process after kill -9, of the same generation; the others stay")
def on_failure(case: Case) -> None:
    master = started(case, "instances 2", "restart on-failure backoff 50ms 1s")
    first, second = (case.met("web", number)["pid"] for number in (1, 2))
    processes.kill(first)
    new = case.met("web", 3)
    expect(new["generation"] == 1, f"generation {new['generation']}")
    expect(eventually(lambda: master.current("web") == sorted([second, new["pid"]])), f"{master.children()}")
    expect(case.events(second) == ["ready"], f"the other got {case.events(second)}")


@check("restart on-failure: not after an exit with 0")
def not_after_success(case: Case) -> None:
    master = started(case, "restart on-failure backoff 20ms 1s", more=[section("program", "side")])
    case.order(case.met("web")["pid"], "exit", 0)
    master.says(r"exited with code 0 \(Exit\)")
    meanwhile(0.3)
    expect(len(case.facts("web")) == 1, "it was started again")


@check("restart always: after an exit with 0 too")
def always(case: Case) -> None:
    master = started(case, "restart always backoff 20ms 1s")
    case.order(case.met("web")["pid"], "exit", 0)
    case.met("web", 2)
    master.still_runs()


@check("restart: from one start to the next at least the base, then twice as long, and so on")
def backoff(case: Case) -> None:
    master = started(case, "restart on-failure backoff 100ms 30s")
    for number in range(1, 5):
        pid = case.met("web", number)["pid"]
        case.happens(pid, "ready")
        processes.kill(pid)
    case.met("web", 5)
    # By the log: a worker's own time depends on how busy the machine is.
    stamps = re.findall(r"(\d\d):(\d\d):([\d,]+) UTC.*New worker \(\d+\) started", master.log)
    times = [int(hour) * 3600 + int(minute) * 60 + float(second.replace(",", ".")) for hour, minute, second in stamps]
    paces = [(later - earlier) % 86400 for earlier, later in zip(times, times[1:])]
    case.note(", ".join(f"{pace * 1000:.0f} ms" for pace in paces))
    wanted = [0.1, 0.2, 0.4, 0.8]
    expect(len(paces) == 4 and all(0.95 * want <= pace <= want + 0.5 for pace, want in zip(paces, wanted)), f"{paces}")
    master.still_runs()


@check("restart: after the limit in its window it has failed for good: everything ends with its code")
def limit(case: Case) -> None:
    master = started(case, "restart on-failure backoff 10ms 20ms limit 2/60s")
    for number in range(1, 4):
        case.happens(case.met("web", number)["pid"], "ready")
        case.order(case.met("web", number)["pid"], "exit", 6)
    master.ends(6)
    expect(len(case.facts("web")) == 3, f"{len(case.facts('web'))} processes")
    case.expect_nothing_left()


@check("critical no: a program may end as it likes, the master goes on and ends with 0")
def not_critical(case: Case) -> None:
    case.configure(section("worker", "web"),
                   section("program", "side", case.worker("side"), "readiness notify", "critical no"))
    master = case.start()
    master.wait(lambda: master.current("side"), "the program")
    processes.kill(case.met("side")["pid"])
    master.says(r"\(\d+\) exited with code 137 \(Killed\)")
    expect(len(master.current("web")) == 1, f"{master.children()}")
    master.stop()


@check("critical no with a limit: it is given up, the others run on, the end is 0")
def not_critical_limit(case: Case) -> None:
    case.configure(section("worker", "web"), section(
        "program", "side", case.worker("side"), "readiness notify", "critical no",
        "restart on-failure backoff 10ms 20ms limit 1/60s"))
    master = case.start()
    for number in (1, 2):
        case.happens(case.met("side", number)["pid"], "ready")
        processes.kill(case.met("side", number)["pid"])
    master.wait(lambda: not master.current("side") and master.current("web"), "the program given up")
    master.stop()


@check("a critical program's death ends everything, in the same words")
def program(case: Case) -> None:
    master = started(case, kind="program", more=[section("worker", "a")])
    pid = case.met("web")["pid"]
    processes.kill(pid)
    master.ends(137)
    expect(f"Current program ({pid}) exited with code 137 (Killed)" in master.log
           or f"Current program 'web' ({pid}) exited with code 137 (Killed)" in master.log, "the line is missing")


@check("a worker that ends with 0 in the middle of its drain lets the master end with 0 at once")
def in_stop(case: Case) -> None:
    master = started(case, behaviour=["drain=30"])
    pid = case.met("web")["pid"]
    master.send(signal.SIGTERM)
    case.happens(pid, "TERM")
    case.order(pid, "exit", 0)
    master.ends(0)


@check("grandchildren of a worker that was killed are ended too, in its stop-timeout")
def leftover_group(case: Case) -> None:
    started(case, "restart on-failure backoff 50ms 1s", "stop-timeout 500ms", behaviour=["child"])
    pid = case.met("web")["pid"]
    path = os.path.join(case.records, f"child-{pid}")
    expect(eventually(lambda: os.path.exists(path) and os.path.getsize(path)), "no grandchild")
    with open(path, encoding="utf-8") as file:
        child = int(file.read())
    processes.kill(pid)
    case.met("web", 2)
    expect(eventually(lambda: not processes.alive(child), 3), "the grandchild of the dead worker lives on")


@check("a grandchild that outlives its worker is asked to end before it is killed")
def leftover_asked(case: Case) -> None:
    up, asked = case.path("up"), case.path("asked")
    script = f'(trap "echo >{asked}; exit" TERM; echo >{up}; while :; do sleep .02; done) & wait'
    case.configure(section(
        "worker", "web", f"sh -c '{script}'", "restart on-failure backoff 50ms 1s", "stop-timeout 60s"))
    master = case.start()
    expect(eventually(lambda: os.path.exists(up)), "no grandchild")
    processes.kill(master.current("web")[0])
    expect(eventually(lambda: os.path.exists(asked)), "the grandchild of the dead worker gets no TERM")


@check("--workers: the default is restart on-failure; clients hardly notice")
def workers(case: Case) -> None:
    master = case.start_workers(2)
    port = port_of(master)
    with Visitor(port):
        pid = master.offspring()[0]
        processes.kill(pid)
        master.wait(lambda: len(master.current()) == 2 and pid not in master.current(), "another worker")
    expect(f"Current worker ({pid}) exited with code 137 (Killed)" in master.log, "HAProxy's line is missing")
    expect(echoes(port), "nobody echoes")
    master.stop()


@check("restart: of several instances each has its own pause and limit")
def each_its_own(case: Case) -> None:
    master = started(case, "instances 3", "restart on-failure backoff 20ms 40ms limit 3/60s")
    for pid in master.current("web"):
        processes.kill(pid)
    case.met("web", 6)
    master.wait(lambda: len(master.current("web")) == 3, "three again")
