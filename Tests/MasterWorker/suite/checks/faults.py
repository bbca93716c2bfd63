"""HAProxy's faults of section 9 of the specification, by their names, each tried as it was reproduced there."""

import os
import signal
import threading
import time

from harness import processes
from harness.checks import check, expect, read
from harness.moments import let_pass
from harness.processes import eventually
from .. import control
from ..case import SLEEPER, Case, section
from ..clients import Visitor, port_of
from ..master import Master
from .upgrade import PATIENCE, installed, put, renew, upgraded


def fault(name: str, slow: bool = False):
    return check(f"HAProxy's: {name}", slow)


def started(case: Case, *lines: str, behaviour=(), settings=(), more=()) -> Master:
    case.configure("listen l\n    bind 127.0.0.1:0\n", section(
        "worker", "web", case.worker("web", *behaviour), "readiness notify", "listen l", *lines), *more,
        settings=settings)
    return case.start()


@fault("stop lost when it meets a reload (58 of 60): 20 rounds, the worker still starting", slow=True)
def lost_stop(case: Case) -> None:
    case.configure(section("worker", "web", SLEEPER, "readiness after 30ms"))
    for number in range(20):
        master = case.start()
        master.send(signal.SIGUSR2)
        let_pass(0.003 * (number % 10))
        master.send(signal.SIGTERM)
        master.ends(0, 5)
        case.expect_nothing_left()
        os.unlink(case.log_file)


@fault("TERM just after USR2 kills the master with -15: 20 rounds", slow=True)
def killed(case: Case) -> None:
    case.configure(section("worker", "web"))
    for _ in range(20):
        master = case.start()
        master.send(signal.SIGUSR2)
        master.send(signal.SIGTERM)
        master.ends(0)
        os.unlink(case.log_file)


@fault("a reload that adds a busy port stops service for 2.0 s")
def busy(case: Case) -> None:
    case.configure("listen l\n    bind 127.0.0.1:0\n", section(
        "worker", "web", f"{case.echod} -f --log-file -", "listen l", "readiness notify"))
    master = case.start()
    sock, port = case.busy_port()
    with sock, Visitor(port_of(master)) as visitor:
        case.configure(f"listen l\n    bind 127.0.0.1:0\nlisten b\n    bind 127.0.0.1:{port}\n", section(
            "worker", "web", f"{case.echod} -f --log-file -", "listen l b", "readiness notify"))
        master.refuses()
        visitor.is_content()
        expect(visitor.slowest < 1, f"slowest request {visitor.slowest:.2f} s")


@fault("configuration file missing at reload → master gone")
def missing_file(case: Case) -> None:
    master = started(case)
    good = read(case.configuration)
    os.unlink(case.configuration)
    for number in (signal.SIGUSR2, signal.SIGHUP):
        failures = master.failures()
        master.send(number)
        master.wait(lambda: master.failures() == failures + 1, "a failure in the count")
    case.write("m.cfg", good)
    master.reload()


@fault("executable missing at reload → CLI dead, next reload aborts")
def missing_executable(case: Case) -> None:
    path = installed(case)
    master = started(case)
    os.unlink(path)
    for _ in range(3):
        master.send(signal.SIGUSR2)
        expect(master.answers(), "the control socket is dead")
    master.reload()
    master.reload()
    expect(len(master.current("web")) == 1, f"{master.children()}")


@fault("after a failed reload the serving worker is listed as old, and when it is killed the master exits 0")
def listed_as_old(case: Case) -> None:
    master = started(case)
    good = read(case.configuration)
    case.write("m.cfg", "nonsense\n")
    master.refuses()
    pid = case.met("web")["pid"]
    table = master.table()
    expect([row.pid for row in table["workers"]] == [pid] and not table["old workers"], f"{table.text}")
    case.write("m.cfg", good)
    processes.kill(pid)
    master.ends(137)
    expect(f"Current worker ({pid}) exited with code 137 (Killed)" in master.log, "not in HAProxy's words")


@fault("failure counter sticks at 1")
def counter(case: Case) -> None:
    master = started(case)
    case.write("m.cfg", "nonsense\n")
    for count in range(1, 6):
        master.refuses()
        expect(master.table().master.reloads == f"0 [failed: {count}]", f"{master.table().master.reloads!r}")


@fault("no-exit-on-failure forgotten by the second exec")
def no_exit(case: Case) -> None:
    installed(case)
    master = started(case, settings=["no-exit-on-failure"])
    for _ in range(3):
        upgraded(case, master)
    processes.kill(master.only("web"))
    master.says(r"Current worker \(\d+\) exited with code 137 \(Killed\)")
    upgraded(case, master)
    expect(len(master.current("web")) == 1, f"{master.children()}")


@fault("a kept program still gets USR1")
def kept(case: Case) -> None:
    installed(case)
    more = [section("program", "kept", case.worker("kept"), "readiness notify", "no option start-on-reload")]
    master = started(case, more=more)
    pid = case.met("kept")["pid"]
    master.reload()
    master.send(signal.SIGUSR2)
    master.wait(lambda: master.table().master.reloads == "2", "the reload by USR2")
    upgraded(case, master)
    expect(case.events(pid) == ["ready"] and master.only("kept") == pid, f"it got {case.events(pid)}")


@fault("programs inherit the worker channels")
def channels(case: Case) -> None:
    program = section("program", "p", case.worker("p"), "readiness notify")
    worker = section("worker", "a", f"{case.echod} -f --log-file -", "listen l", "readiness notify", "channel yes")
    case.configure("listen l\n    bind 127.0.0.1:0\n", worker, program)
    master = case.start()
    master.reload()
    links = case.met("p", 2)["descriptors"]
    expect(sorted(links) == ["0", "1", "2"], f"{links}")


@fault("programs inherit ignored signals")
def ignored(case: Case) -> None:
    case.configure(section("program", "p", case.fixture("facts.sh", case.path("facts"))))
    master = case.start(preexec_fn=lambda: [signal.signal(each, signal.SIG_IGN) for each in
                                            (signal.SIGUSR1, signal.SIGINT, signal.SIGQUIT, signal.SIGCHLD)])
    text = master.wait(lambda: read(case.path("facts")), "the child's facts")
    line = next(line for line in text.splitlines() if line.startswith("SigIgn"))
    expect(int(line.split()[1], 16) == 0, line)


@fault("programs leave grandchildren behind")
def grandchildren(case: Case) -> None:
    path = case.path("grandchild")
    case.configure(section("worker", "web"), section(
        "program", "p", case.script("p", f"sleep 1000 & echo $! >{path}; exec sleep 1000")))
    master = case.start()
    child = int(master.wait(lambda: read(path).strip(), "the grandchild"))
    os.unlink(path)
    master.reload()
    expect(eventually(lambda: not processes.alive(child), 3), "the grandchild of the old one lives on after a reload")
    second = int(master.wait(lambda: read(path).strip(), "the second grandchild"))
    master.stop()
    expect(eventually(lambda: not processes.alive(second), 3), "the grandchild lives on after the stop")


@fault("reloads 20 ms apart: 88 of 3642 requests lost; here 50 of them", slow=True)
def twenty_milliseconds(case: Case) -> None:
    case.configure("listen l\n    bind 127.0.0.1:0\n", section(
        "worker", "web", f"{case.echod} -f --log-file -", "listen l", "readiness notify"))
    master = case.start()
    with Visitor(port_of(master), 0.001) as visitor:
        for _ in range(50):
            master.send(signal.SIGUSR2)
            let_pass(0.02)
        master.reload(seconds=PATIENCE)
        visitor.is_content()
    case.note(f"{visitor.requests} requests, {master.table().master.reloads} reloads, "
              f"slowest {visitor.slowest * 1000:.0f} ms")


@fault("a worker that hangs in start blocks reload and stop for ever")
def hang(case: Case) -> None:
    master = started(case, settings=["start-timeout 500ms"])
    good = read(case.configuration)
    case.configure(section("worker", "web", case.worker("hung", "unready", "ignore=TERM,INT,USR1"), "readiness notify",
                           "stop-timeout 300ms"), settings=["start-timeout 500ms"])
    master.send(signal.SIGUSR2)
    case.met("hung")
    case.write("m.cfg", good)
    master.reload()
    case.configure(section("worker", "web", case.worker("hung2", "unready", "ignore=TERM,INT,USR1"), "readiness notify",
                           "stop-timeout 300ms"), settings=["start-timeout 60s"])
    master.send(signal.SIGUSR2)
    case.met("hung2")
    begin = time.monotonic()
    master.send(signal.SIGTERM)
    master.ends(None)
    expect(time.monotonic() - begin < 3, f"the stop took {time.monotonic() - begin:.1f} s")


@fault("217 old workers crash the master: here of 230 that drain, by plain commands", slow=True)
def many_old(case: Case) -> None:
    script = case.script("drains", "trap '' TERM USR1; exec sleep 1000")
    # A shell that is told before its trap ends.
    case.configure(section("worker", "a", script, "stop-timeout none", "readiness after 25ms"),
                   settings=["max-old-generations 1000"])
    master = case.start()
    for _ in range(230):
        master.reload()
    old = len(master.table()["old workers"])
    case.note(f"{old} old workers")
    expect(old > 217, f"{old} old workers")
    expect(len(master.current("a")) == 1, "no current one")
    master.send(signal.SIGINT)
    master.ends(130)
    case.expect_nothing_left(5)


@fault("a second master starts silently and overwrites pid file and socket")
def second(case: Case) -> None:
    master = started(case)
    def facts() -> list:
        return [read(case.pid_file), *(os.stat(path).st_ino for path in (case.pid_file, case.control))]
    before = facts()
    for words in (["-f"], []):
        outcome = case.run(*words, *case.files, "-c", case.configuration)
        expect(outcome.code == 1 and outcome.err, str(outcome))
    expect(facts() == before, f"{before} became {facts()}")
    expect(master.answers(), "the first one's socket is dead")


@fault("20 parallel reloads: 19 refused")
def parallel(case: Case) -> None:
    master = started(case)
    answers = []
    threads = [threading.Thread(target=lambda: answers.append(control.ask(case.control, "reload", 20)))
               for _ in range(20)]
    for each in threads:
        each.start()
    for each in threads:
        each.join(25)
    good = [answer for answer in answers if answer.startswith("Success=1\n")]
    expect(len(answers) == 20 and len(good) == 20, f"{len(answers)} answers, {len(good)} good")


@fault("a reload during a soft stop revives the service")
def revived(case: Case) -> None:
    master = started(case, behaviour=["drain=0.8"])
    pid = case.met("web")["pid"]
    master.send(signal.SIGUSR1)
    expect(eventually(lambda: len(case.events(pid)) > 1), "the worker was told nothing")
    for _ in range(3):
        master.send(signal.SIGUSR2)
        expect("Success=0" in master.ask("reload"), "the reload is not refused")
    master.ends(0)
    expect(len(case.facts("web")) == 1, "a new worker was started")


@fault("environment grows with old workers")
def environment(case: Case) -> None:
    installed(case)
    script = case.script("drains", "trap '' TERM USR1; exec sleep 1000")
    case.configure(section("worker", "a", script, "stop-timeout none"))
    master = case.start()

    def size(pid: int) -> int:
        with open(f"/proc/{pid}/environ", "rb") as file:
            return len(file.read())
    own, child = size(master.pid), size(master.only("a"))
    for _ in range(20):
        master.reload()
    upgraded(case, master)
    expect(size(master.pid) <= own + 40, f"the master's {own} bytes became {size(master.pid)}")
    expect(size(master.only("a")) <= child + 10, f"a worker's {child} bytes became {size(master.only('a'))}")
    master.send(signal.SIGINT)
    master.ends(130)


@fault("execv instead of PATH look-up")
def path(case: Case) -> None:
    installed(case)
    case.configure(section("worker", "web"))
    case.masterd = "masterd"
    words = ["/usr/bin/env", f"PATH={case.path('bin')}:{os.environ['PATH']}"]
    master = case.start(wrapper=words, cwd="/")
    upgraded(case, master)


@fault("descriptors leaked over exec")
def leaked(case: Case) -> None:
    installed(case)
    master = started(case)
    upgraded(case, master)
    master.wait(lambda: len(master.offspring()) == 1, "one child")
    before = len(processes.open_files(master.pid))
    for _ in range(5):
        upgraded(case, master)
    master.wait(lambda: len(master.offspring()) == 1, "one child")
    expect(eventually(lambda: len(processes.open_files(master.pid)) <= before), f"{processes.open_files(master.pid)}")


@fault("signals left blocked after a failed reload")
def blocked(case: Case) -> None:
    path = installed(case)
    master = started(case)
    put(path, "garbage")
    master.send(signal.SIGUSR2)
    master.refuses("upgrade", PATIENCE)
    case.write("m.cfg", "nonsense\n")
    master.refuses()
    expect(master.blocks_nothing(), "signals are blocked in the master")
    master.stop()


@fault("SIGCHLD lost between exec and handler: 10 rounds", slow=True)
def lost_child(case: Case) -> None:
    installed(case)
    more = [section("program", "p", SLEEPER, "on-reload keep", "restart always backoff 10ms 50ms")]
    master = started(case, more=more)
    for _ in range(10):
        inode = renew(case)
        pid = master.only("p")
        master.send(signal.SIGUSR2)
        eventually(lambda: os.stat(f"/proc/{master.pid}/exe").st_ino == inode, PATIENCE)
        processes.kill(pid)
        master.wait(lambda: master.current("p") and master.current("p") != [pid], "another one")
