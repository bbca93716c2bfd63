"""A reload that fails, hangs, or meets others: the old generation serves on."""

import os
import re
import signal
import threading
import time

from harness import processes
from harness.checks import check, expect
from harness.clients import ask
from harness.ports import free_port
from harness.processes import eventually
from ..case import SLEEPER, Case, section
from ..clients import Echo, Visitor, echoes, port_of, serves
from .reload import configure, serving

def breaks_by(name: str, reason: str, prepare) -> None:
    @check(f"{name}: the old one serves on, the count goes 1, 2, 3, the reason is told, success resets it")
    def run(case: Case) -> None:
        master = serving(case)
        port, old = port_of(master), case.met("web")["pid"]
        ok = open(case.configuration, encoding="utf-8").read()
        before = set(master.offspring())
        undo = prepare(case)
        for count in (1, 2, 3):
            log = master.refuses()
            expect(re.search(reason, log), f"no {reason!r} in the answer: {log}")
            expect(master.failures() == count, f"failed: {master.table().master.reloads}, not {count}")
            expect(re.search(reason, master.ask("show startup-logs")), "no reason in show startup-logs")
            expect(master.count(reason) >= count, "no reason in the log")
        expect(eventually(lambda: set(master.offspring()) == before), f"children {master.offspring()}, not {before}")
        expect([row.pid for row in master.table()["workers"]] == [old], f"the serving worker: {master.table().text}")
        expect(not master.table()["old workers"], f"{master.table().text}")
        expect(ask(("127.0.0.1", port)) == (1, old) and case.events(old) == ["ready"], f"{case.events(old)}")
        with master.session() as session:
            expect(session.prompt == "master[ReloadFailed]> ", f"the prompt is {session.prompt!r}")
        if undo:
            undo()
        case.write("m.cfg", ok)
        master.reload()
        expect(master.failures() == 0, f"{master.table().master.reloads}")
        expect(eventually(lambda: not processes.alive(old)), "the old one lives on")
        with master.session() as session:
            expect(session.prompt == "master> ", f"the prompt is {session.prompt!r}")


def busy(case: Case):
    sock, port = case.busy_port()
    case.configure(f"listen l\n    bind 127.0.0.1:0\nlisten m\n    bind 127.0.0.1:{port}\n",
                   section("worker", "web", case.worker("new"), "listen l m", "readiness notify"))
    return sock.close


breaks_by("a reload whose file is missing", "No such file", lambda case: os.unlink(case.configuration))
breaks_by("a reload with a mistake in its file", r"m\.cfg:6: unknown keyword 'colour'",
          lambda case: case.configure("worker web\n    command sleep 1\n    colour blue\n", settings=["setenv A b"])
          and None)
breaks_by("a reload that adds a busy port", "Address already in use", busy)
breaks_by("a reload whose command is missing", "/no/such/command",
          lambda case: case.configure(section("worker", "web", "/no/such/command")) and None)
breaks_by("a reload whose worker crashes at its start", r"\b9\b",
          lambda case: configure(case, "new", behaviour=["exit=9"]))
breaks_by("a reload whose worker hangs at its start", "time", lambda case: configure(
    case, "new", "start-timeout 250ms", "stop-timeout 200ms", behaviour=["unready", "ignore=TERM,INT,USR1"]))


@check("a busy port is an error at once, and no pause of the service")
def no_pause(case: Case) -> None:
    case.configure("listen l\n    bind 127.0.0.1:0\n",
                   section("worker", "web", f"{case.echod} -f --log-file -", "listen l", "readiness notify"))
    master = case.start()
    with Visitor(port_of(master)) as visitor:
        release = busy(case)
        begin = time.monotonic()
        master.refuses()
        seconds = time.monotonic() - begin
        expect(eventually(lambda: visitor.requests > 20), "too few requests")
        visitor.is_content()
    release()
    case.note(f"{seconds * 1000:.0f} ms, slowest request {visitor.slowest * 1000:.0f} ms")
    expect(seconds < 0.5, f"the answer took {seconds:.2f} s")


@check("of a failed attempt no socket, no file and no descriptor is left")
def nothing_of_the_attempt(case: Case) -> None:
    master = serving(case)
    before = processes.open_files(master.pid)
    port, path = free_port(), case.path("socket")
    case.configure(f"listen l\n    bind 127.0.0.1:{port}\n    bind unix:{path}\n",
                   section("worker", "web", case.worker("new", "exit=3"), "listen l", "readiness notify"))
    master.refuses()
    expect(not serves(("127.0.0.1", port)), "its port still listens")
    expect(not os.path.exists(path), "its file is left")
    after = eventually(lambda: len(processes.open_files(master.pid)) <= len(before))
    expect(after, f"descriptors {processes.open_files(master.pid)}, before {before}")


@check("one bad service fails all of the reload: the good ones' new processes are ended too")
def all_or_nothing(case: Case) -> None:
    case.configure(section("worker", "a", case.worker("a"), "readiness notify"))
    master = case.start()
    case.configure(section("worker", "a", case.worker("a2"), "readiness notify"),
                   section("worker", "b", case.worker("b", "exit=2"), "readiness notify"))
    master.refuses()
    expect(master.only("a") == case.met("a")["pid"], f"{master.children()}")
    expect(eventually(lambda: len(master.offspring()) == 1), f"children {master.offspring()}")


@check("a worker that hangs in its start does not block a stop")
def stop_while_hanging(case: Case) -> None:
    master = serving(case)
    configure(case, "new", behaviour=["unready", "ignore=USR1"])
    master.send(signal.SIGUSR2)
    case.met("new")
    begin = time.monotonic()
    master.stop()
    expect(time.monotonic() - begin < 3, f"the stop took {time.monotonic() - begin:.1f} s")


@check("a worker that hangs in its start does not block later reloads")
def reload_while_hanging(case: Case) -> None:
    master = serving(case, settings=["start-timeout 700ms"])
    configure(case, "hung", behaviour=["unready"], settings=["start-timeout 700ms"])
    master.send(signal.SIGUSR2)
    case.met("hung")
    configure(case, "good", settings=["start-timeout 700ms"])
    master.send(signal.SIGUSR2)
    good = case.met("good")
    expect(eventually(lambda: master.current("web") == [good["pid"]]), f"{master.children()}")


@check("kill -9 of the new worker in its start: the reload has failed, the old one serves on")
def killed_new(case: Case) -> None:
    master = serving(case)
    old = case.met("web")["pid"]
    configure(case, "new", behaviour=["unready"])
    with master.session() as session:
        session.send("reload\n")
        processes.kill(case.met("new")["pid"])
        log = session.answer()
    expect(log.startswith("Success=0\n") and ("137" in log or "Killed" in log), f"{log!r}")
    expect(master.current("web") == [old], f"{master.children()}")


@check("kill -9 of the old worker in a reload: the new one still comes up")
def killed_old(case: Case) -> None:
    master = serving(case, "restart on-failure backoff 100ms 1s")
    configure(case, "new", "restart on-failure backoff 100ms 1s", behaviour=[f"gate={case.path('gate')}"])
    with master.session() as session:
        session.send("reload\n")
        case.met("new")
        processes.kill(case.met("web")["pid"])
        case.touch("gate")
        expect(session.answer().startswith("Success=1\n"), "the reload has failed")
    expect(eventually(lambda: master.current("web") == [case.met("new")["pid"]]), f"{master.children()}")


# Many at once

@check("20 parallel reloads all get an answer with Success=1")
def parallel(case: Case) -> None:
    master = serving(case)
    answers = []
    threads = [threading.Thread(target=lambda: answers.append(master.ask("reload"))) for _ in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    bad = [answer for answer in answers if not answer.startswith("Success=1\n--\n")]
    expect(len(answers) == 20 and not bad, f"{len(answers)} answers, {len(bad)} bad: {bad[:2]}")
    reloads = int(master.table().master.reloads)
    case.note(f"{reloads} reloads")
    expect(1 <= reloads <= 20, f"{reloads} reloads")


@check("a reload that comes while one runs takes the newest configuration")
def newest(case: Case) -> None:
    master = serving(case)
    configure(case, "second", behaviour=[f"gate={case.path('gate')}"])
    master.send(signal.SIGUSR2)
    case.met("second")
    configure(case, "third")
    with master.session() as session:
        session.send("reload\n")
        # Who asks later is answered later.
        expect(master.answers(), "no answer")
        case.touch("gate")
        expect(session.answer().startswith("Success=1\n"), "the second reload has failed")
    # Its own round, or the result of the one that ran: what is on disk must come into force in the end.
    third = case.met("third")
    expect(eventually(lambda: master.current("web") == [third["pid"]]), f"{master.children()}")


@check("a reload while the master is stopping is refused with the reason")
def while_stopping(case: Case) -> None:
    configure(case, "web", behaviour=["drain=1"])
    master = case.start()
    with master.session() as session:
        master.send(signal.SIGTERM)
        case.happens(case.met("web")["pid"], "TERM")
        answer = session.say("reload")
        expect(answer.startswith("Success=0\n--\n") and "stopping" in answer, f"{answer!r}")
    master.ends(0)
    expect(len(case.facts("web")) == 1, "a new worker was started")


@check("a reload while the master stops softly is refused with the reason, by command and by signal")
def while_stopping_softly(case: Case) -> None:
    master = serving(case)
    configure(case, "drains", behaviour=["drain=1.5"])
    master.reload()
    pid = case.met("drains")["pid"]
    master.send(signal.SIGUSR1)
    expect(eventually(lambda: case.events(pid, "USR1") or case.events(pid, "TERM")), "the worker was told nothing")
    answer = master.ask("reload")
    expect(answer.startswith("Success=0\n--\n") and "stopping" in answer, f"{answer!r}")
    master.send(signal.SIGUSR2)
    master.send(signal.SIGHUP)
    master.ends(0)
    expect(len(case.facts("drains")) == 1, "a new worker was started")


@check("setenv is undone at the next reload")
def setenv_undone(case: Case) -> None:
    section_a = section("worker", "a", case.worker("a"), "readiness notify")
    case.configure(section_a, settings=["setenv EXTRA one", "unsetenv HIDDEN"])
    master = case.start(env={"HIDDEN": "x"})
    expect(case.met("a")["environment"].get("EXTRA") == "one", "setenv does not work")
    case.configure(section_a)
    master.reload()
    second = case.met("a", 2)["environment"]
    expect("EXTRA" not in second and second.get("HIDDEN") == "x", f"{second}")


@check("max-old-generations: more than that are not kept, the oldest are ended")
def max_old(case: Case) -> None:
    def configuration() -> None:
        case.configure(section("worker", "a", case.worker("a", "drain=60"), "readiness notify", "stop-timeout none"),
                       settings=["max-old-generations 2"])
    configuration()
    master = case.start()
    for _ in range(5):
        master.reload()
    expect(eventually(lambda: len(master.offspring()) == 3), f"children {len(master.offspring())}, not 3")
    newest = {facts["pid"] for facts in case.facts("a")[-3:]}
    expect(set(master.offspring()) == newest, "not the oldest ones were ended")
    for pid in master.offspring():
        case.order(pid, "exit", 0)


@check("hard-stop-after: an old one that drains for ever is ended after it")
def hard_stop_after(case: Case) -> None:
    case.configure(section("worker", "a", case.worker("a", "drain=60", "ignore="), "readiness notify"),
                   settings=["hard-stop-after 300ms"])
    master = case.start()
    old = case.met("a")["pid"]
    master.reload()
    begin = time.monotonic()
    expect(eventually(lambda: not processes.alive(old)), "the old one lives on")
    expect(time.monotonic() - begin > 0.2, "it was ended at once")
    master.still_runs()


# What grows

@check("the environment does not grow over 50 reloads, the master's and the worker's", slow=True)
def environment_stays(case: Case) -> None:
    case.configure(section("worker", "a", SLEEPER))
    master = case.start()

    def size(pid: int) -> int:
        with open(f"/proc/{pid}/environ", "rb") as file:
            return len(file.read())
    first, own = size(master.only("a")), master.ask("show env")
    for _ in range(50):
        master.reload()
    expect(abs(size(master.only("a")) - first) <= 4, f"{first} bytes at first, {size(master.only('a'))} then")
    expect(master.ask("show env") == own, "the master's own has changed")


@check("the master's descriptors do not grow over 100 reloads", slow=True)
def descriptors_stay(case: Case) -> None:
    case.configure("listen l\n    bind 127.0.0.1:0\n", section("worker", "a", SLEEPER, "listen l", "instances 2"))
    master = case.start()
    for _ in range(3):
        master.reload()
    master.wait(lambda: len(master.offspring()) == 2, "two children")
    before = processes.open_files(master.pid)
    for _ in range(100):
        master.reload()
    master.wait(lambda: len(master.offspring()) == 2, "two children")
    fits = eventually(lambda: len(processes.open_files(master.pid)) <= len(before), 3)
    expect(fits, f"{len(before)} at first, {len(processes.open_files(master.pid))} then")
    expect(master.table().master.reloads == "103", f"{master.table().master.reloads}")


# --workers

@check("--workers: USR2 and reload start N new processes; clients are served meanwhile")
def workers(case: Case) -> None:
    master = case.start_workers(2)
    old = set(master.offspring())
    with Visitor(port_of(master)) as visitor:
        master.reload()
        master.send(signal.SIGUSR2)
        master.wait(lambda: master.table().master.reloads == "2", "the second reload")
        visitor.is_content()
    master.wait(lambda: len(master.offspring()) == 2 and not set(master.offspring()) & old, "two new processes")
    expect(echoes(port_of(master)), "nobody echoes")


@check("--workers: a connection of the old generation goes on, and ends as the drain says")
def old_connection(case: Case) -> None:
    master = case.start_workers(1)
    with Echo(port_of(master)) as echo:
        expect(echo.says("before"), "no echo before")
        master.reload()
        expect(echo.says("after"), "no echo after the reload")
