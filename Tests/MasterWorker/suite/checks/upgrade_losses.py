"""What must not get lost over an upgrade: lines, deaths, signals, descriptors; and --workers."""

import os
import signal

from harness import processes
from harness.checks import check, expect, read
from harness.moments import let_pass
from harness.processes import eventually
from ..case import Case, section
from ..clients import Visitor, echoes, port_of
from .upgrade import PATIENCE, configuration, installed, is_new, put, renew, started, upgraded

@check("the lines of a kept child go on after an upgrade, each once", slow=True)
def lines(case: Case) -> None:
    installed(case)
    configuration(case, section("program", "talk", case.fixture("lines.sh", "talk", "0.005"), "on-reload keep",
                                "log prefix"))
    master = case.start()
    for _ in range(3):
        seen = master.count(r"talk line \d+")
        master.wait(lambda: master.count(r"talk line \d+") > seen + 5, "lines of the child")
        upgraded(case, master)
    seen = master.count(r"talk line \d+")
    master.wait(lambda: master.count(r"talk line \d+") > seen + 5, "lines after the upgrade")
    master.stop()
    numbers = [int(line.rsplit(" ", 1)[1]) for line in master.log.splitlines() if "talk line" in line]
    expect(numbers == list(range(1, len(numbers) + 1)), f"lines are missing or twice among {len(numbers)}")


@check("half a line that a child had written before an upgrade is one with its end")
def half_line(case: Case) -> None:
    master = started(case)
    kept = case.met("kept")["pid"]
    case.order(kept, "print", 1, "first half, ")
    let_pass(0.1)
    upgraded(case, master)
    case.order(kept, "print", 1, "second half\n")
    master.says(r"first half, second half\n")


@check("a log file of a child's own goes on after an upgrade, and follows a reopening after it")
def file_log(case: Case) -> None:
    installed(case)
    path = case.path("own.log")
    configuration(case, section("program", "talk", case.worker("talk"), "on-reload keep", "readiness notify",
                                f"log file {path}"))
    master = case.start()
    pid = case.met("talk")["pid"]
    upgraded(case, master)
    case.order(pid, "print", 1, "after the upgrade\n")
    expect(eventually(lambda: "after the upgrade\n" in read(path)), f"{read(path)!r}")
    os.rename(path, path + ".1")
    master.send(signal.SIGHUP)
    expect(eventually(lambda: os.path.exists(path)), "not reopened")
    case.order(pid, "print", 1, "after the reopening\n")
    expect(eventually(lambda: "after the reopening\n" in read(path)), f"{read(path)!r}")


@check("an upgrade in the middle of a reload whose worker is still starting: in the end the newest serves")
def in_a_reload(case: Case) -> None:
    master = started(case)
    configuration(case, name="slow", behaviour=[f"gate={case.path('gate')}"])
    with master.session() as one:
        one.send("reload\n")
        case.met("slow")
        renew(case)
        with master.session() as two:
            two.send("upgrade\n")
            let_pass(0.3)
            case.touch("gate")
            expect(two.answer(PATIENCE).startswith("Success=1\n"), "the upgrade has failed")
        expect(one.answer(PATIENCE).startswith("Success=1\n"), "the reload has failed")
    last = case.facts("slow")[-1]["pid"]
    expect(eventually(lambda: master.current("web") == [last]), f"{master.children()}, not {last}")
    expect(eventually(lambda: len(master.offspring()) == 2), f"children {master.offspring()}")


@check("kill -9 of a worker just after an upgrade is handled by its policy")
def killed_after(case: Case) -> None:
    installed(case)
    configuration(case, lines=["restart on-failure backoff 50ms 1s"])
    master = case.start()
    upgraded(case, master)
    pid = case.facts("web")[-1]["pid"]
    processes.kill(pid)
    third = case.met("web", 3)
    expect(eventually(lambda: master.current("web") == [third["pid"]]), f"{master.children()}")


@check("kill -9 of a worker just after an upgrade ends the master with 137 where nothing restarts it")
def killed_after_default(case: Case) -> None:
    master = started(case)
    upgraded(case, master)
    processes.kill(case.met("web", 2)["pid"])
    master.ends(137)


@check("a reload waits for no-one, a stop right after USR2 with a new executable: it always stops", slow=True)
def stop_after(case: Case) -> None:
    for step in range(8):
        case.masterd = os.path.join(case.binaries, "masterd")
        master = started(case)
        renew(case)
        master.send(signal.SIGUSR2)
        let_pass(step * 0.015)
        master.send(signal.SIGTERM)
        master.ends(0)
        case.expect_nothing_left()
        os.unlink(case.log_file)


@check("descriptors are not leaked over 20 upgrades, nor variables of the environment", slow=True)
def leaks(case: Case) -> None:
    master = started(case)
    upgraded(case, master)
    master.wait(lambda: len(master.offspring()) == 2, "two children")
    before, environment = processes.open_files(master.pid), master.ask("show env")
    for _ in range(20):
        upgraded(case, master)
    master.wait(lambda: len(master.offspring()) == 2, "two children")
    same = eventually(lambda: len(processes.open_files(master.pid)) <= len(before), 3)
    expect(same, f"{len(before)} at first, then {processes.open_files(master.pid)}")
    expect(master.ask("show env") == environment, "the environment has changed")
    facts = case.facts("web")
    expect(facts[-1]["descriptors"].keys() == facts[0]["descriptors"].keys(), f"{facts[-1]['descriptors']}")


@check("after an upgrade no signal is blocked: in the master, in a new child")
def masks(case: Case) -> None:
    installed(case)
    configuration(case, section("program", "plain", case.fixture("facts.sh", case.path("facts"))))
    master = case.start()
    upgraded(case, master)
    os.unlink(case.path("facts"))
    master.reload()
    master.wait(lambda: os.path.exists(case.path("facts")), "the child's facts")
    expect(master.blocks_nothing(), "signals are blocked in the master")
    for name in ("SigBlk", "SigIgn"):
        value = next(line.split(":\t")[1] for line in read(case.path("facts")).splitlines() if line.startswith(name))
        expect(int(value, 16) == 0, f"{name} of the child is {value}")


@check("a child that dies around the exec is reaped and handled: 12 rounds, the moment shifted each time", slow=True)
def death_around_exec(case: Case) -> None:
    installed(case)
    configuration(case, section("program", "p", case.worker("p"), "on-reload keep", "readiness notify",
                                "restart always backoff 10ms 100ms"))
    master = case.start()
    for step in range(12):
        inode = renew(case)
        pid = master.only("p")
        master.send(signal.SIGUSR2)
        let_pass(0.004 * step)
        processes.kill(pid)
        master.wait(lambda: is_new(master, inode), "the new executable", PATIENCE)
        master.wait(lambda: master.current("p") and master.current("p") != [pid], f"another one in round {step}")
        zombies = [each for each in master.offspring() if processes.stat(each)[0] == "Z"]
        reaped = eventually(lambda: not [each for each in zombies if processes.stat(each)[0] == "Z"], 2)
        expect(reaped, "a zombie is left")


@check("signals that come while the image is exchanged are not lost: TERM at 10 moments of it", slow=True)
def signals_around_exec(case: Case) -> None:
    for step in range(10):
        case.masterd = os.path.join(case.binaries, "masterd")
        master = started(case)
        inode = renew(case)
        with master.session() as one:
            one.send("upgrade\n")
            eventually(lambda: is_new(master, inode), 0.02 * step)
            master.send(signal.SIGTERM)
            master.ends(0)
        os.unlink(case.log_file)


@check("the executable is replaced by a broken one in the middle of an upgrade, at 10 moments: the master survives",
       slow=True)
def replaced_meanwhile(case: Case) -> None:
    master = started(case)
    path, good = case.path("bin", "masterd"), os.path.join(case.binaries, "masterd")
    for step in range(10):
        case.install(good, path)
        with master.session() as one:
            one.send("upgrade\n")
            let_pass(0.01 * step)
            put(path, "#!/bin/sh\nexit 3\n")
            answer = one.answer(PATIENCE)
        expect(answer.startswith("Success="), f"{answer!r}")
        master.still_runs()
    case.install(good, path)
    master.reload("upgrade", PATIENCE)


# --workers

@check("--workers: an upgrade of the daemon's executable keeps pid, listener and clients; new workers run the new one")
def workers(case: Case) -> None:
    installed(case, "echod")
    master = case.start_workers(2)
    port = port_of(master)
    with Visitor(port) as visitor:
        inode = renew(case, "echod")
        master.reload("upgrade", PATIENCE)
        expect(is_new(master, inode), "the master's executable is the old one")
        master.wait(lambda: len(master.offspring()) == 2, "two children")
        expect(all(os.stat(f"/proc/{pid}/exe").st_ino == inode for pid in master.offspring()), "old workers")
        visitor.is_content()
    expect(echoes(port), "nobody echoes")
