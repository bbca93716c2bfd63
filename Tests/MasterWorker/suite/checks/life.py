"""The start of a master, its readiness, and who is refused."""

import os
import time

from harness import processes
from harness.checks import Unavailable, check, expect, read
from harness.clients import ask
from harness.processes import eventually
from ..case import SLEEPER, Case, section
from ..clients import echoes, port_of

UNIX = "listen l\n    bind unix:{}\n"


@check("a start with everything: workers, a program, listeners, a control socket, a pid file; the stop removes all")
def everything(case: Case) -> None:
    case.configure(
        f"listen web\n    bind 127.0.0.1:0\n    bind unix:{case.path('socket-a')} mode 660\n",
        section("worker", "web", case.worker("web"), "instances 2", "listen web", "readiness notify"),
        section("program", "side", case.worker("side"), "readiness notify"))
    master = case.start()
    expect(read(case.pid_file) == f"{master.pid}\n", f"pid file {read(case.pid_file)!r}")
    expect(len(master.current("web")) == 2, f"{master.children()}")
    expect(len(master.current("side")) == 1, f"{master.children()}")
    expect(set(master.offspring()) == set(master.current()), f"children {master.offspring()}, shown {master.current()}")
    expect(ask(("127.0.0.1", port_of(master)))[1] in master.current("web"), "somebody else answers")
    expect(ask(case.path("socket-a"))[0] == 1, "the Unix listener does not answer as generation 1")
    expect(os.stat(case.path("socket-a")).st_mode & 0o777 == 0o660, "the Unix listener's mode is not 660")
    expect(processes.status(master.pid)["Threads"] == "1", "the master has more than one thread")
    master.stop()
    case.expect_nothing_left()


@check("daemonized: the launcher ends with 0 when the children are ready, and the master lives on without a terminal")
def daemonized(case: Case) -> None:
    case.configure(section("worker", "web", case.worker("web", "ready=0.3"), "readiness notify"))
    master = case.launch()
    worker = case.met("web", seconds=0)
    expect(case.events(worker["pid"], "ready"), "the launcher came back before the worker was ready")
    expect(os.getsid(master.pid) != os.getsid(0), "it is in its caller's session")
    expect(worker["parent"] == master.pid, f"the worker's parent is {worker['parent']}")
    master.send(15)
    expect(eventually(lambda: master.code() is not None), "it does not end")
    case.expect_nothing_left()


@check("-f: it stays the caller's child, and logs to standard error too")
def foreground(case: Case) -> None:
    case.configure(section("worker", "web"))
    master = case.start()
    expect(processes.stat(master.pid)[1] == str(os.getpid()), "it is not our child")
    expect("Loading success" in read(master.errors), f"standard error {read(master.errors)!r}")


@check("it is ready only when every critical child is: the launcher waits for the slowest")
def waits_for_critical(case: Case) -> None:
    case.configure(
        section("worker", "quick", case.worker("quick"), "readiness notify"),
        section("program", "slow", case.worker("slow", f"gate={case.path('gate')}"), "readiness notify"))
    master = case.start(ready=False)
    quick, slow = case.met("quick"), case.met("slow")
    case.happens(quick["pid"], "ready")
    master.wait(lambda: master.current("quick"), "that the master knows it")
    expect(not master.count("Loading success"), "ready although a critical program is not")
    case.touch("gate")
    master.ready()
    expect(case.events(slow["pid"], "ready"), "ready before the slow one was")


@check("it does not wait for a child that is not critical")
def not_critical(case: Case) -> None:
    case.configure(
        section("worker", "web", case.worker("web"), "readiness notify"),
        section("program", "slow", case.worker("slow", "unready"), "readiness notify", "critical no"))
    master = case.start()
    expect(master.current("web"), f"{master.children()}")
    master.stop()


@check("readiness after TIME: not before it is over")
def ready_after(case: Case) -> None:
    case.configure(section("worker", "web", case.worker("web", "unready"), "readiness after 400ms"))
    begin = time.monotonic()
    case.start()
    expect(time.monotonic() - begin >= 0.4, f"ready after {time.monotonic() - begin:.2f} s")


@check("readiness after TIME: who ends before it has failed to start")
def ends_before_ready(case: Case) -> None:
    case.configure(section("worker", "web", "sh -c 'sleep 0.1; exit 4'", "readiness after 1s"))
    outcome = case.refused()
    expect("4" in outcome.err and "web" in outcome.err, f"the reason: {outcome.err!r}")


@check("one instance of several that never gets ready fails the start")
def one_of_several(case: Case) -> None:
    # mkdir tells the first that comes from the others.
    script = case.script("one", f"mkdir {case.path('records')}/first 2>/dev/null || exit 5\nexec sleep 1000")
    case.configure(section("worker", "web", script, "instances 3", "readiness after 500ms"))
    outcome = case.refused()
    expect("5" in outcome.err, f"the reason: {outcome.err!r}")


# A start that fails

@check("a start with a bad file: exit 1, every mistake as FILE:LINE: text, nothing left")
def bad_file(case: Case) -> None:
    path = case.configure("worker a\n    colour blue\n", "program b\n")
    outcome = case.refused()
    for line, text in ((4, "unknown keyword 'colour'"), (5, "lacks a command")):
        told = [each for each in outcome.err.splitlines() if each.startswith(f"{path}:{line}: ")]
        expect(any(text in each for each in told), f"no {text!r} of line {line}: {outcome.err}")


@check("a start without its file: exit 1, the file and the reason, nothing left")
def no_file(case: Case) -> None:
    outcome = case.refused("-c", case.path("nowhere.cfg"))
    expect("nowhere.cfg" in outcome.err and "No such file" in outcome.err, f"{outcome.err!r}")


@check("a start with a command that is missing: exit 1, its place and its name, nothing left")
def no_command(case: Case) -> None:
    path = case.configure(section("worker", "a", "/no/such/file"))
    outcome = case.refused()
    expect(f"{path}:4: " in outcome.err and "/no/such/file" in outcome.err, f"{outcome.err!r}")


@check("a start with a command that is not executable: exit 1, its name, nothing left")
def not_executable(case: Case) -> None:
    case.configure(section("worker", "a", case.write("plain", "text")))
    expect("Permission denied" in case.refused().err, case.outcomes[-1].err)


@check("a start with a busy port: exit 1, address and reason, no child was ever started")
def busy_port(case: Case) -> None:
    sock, port = case.busy_port()
    with sock:
        case.configure(f"listen web\n    bind 127.0.0.1:{port}\n",
                       section("worker", "a", case.worker("a"), "listen web"))
        outcome = case.refused()
    expect(f"127.0.0.1:{port}" in outcome.err and "Address already in use" in outcome.err, f"{outcome.err!r}")
    expect(not case.facts("a"), "a worker was started")


@check("a start with a worker that ends at once: exit 1 with its name and its code, the others are ended, nothing left")
def crash_at_start(case: Case) -> None:
    case.configure(
        section("worker", "good", case.worker("good"), "readiness notify"),
        section("worker", "bad", case.worker("bad", "exit=7"), "readiness notify"))
    outcome = case.refused()
    expect("bad" in outcome.err and "7" in outcome.err, f"the reason: {outcome.err!r}")


@check("a start with a worker that is killed before it is ready: exit 1 with the signal")
def killed_at_start(case: Case) -> None:
    case.configure(section("worker", "bad", "sh -c 'kill -9 $$'", "readiness notify"))
    outcome = case.refused()
    expect("137" in outcome.err or "Killed" in outcome.err, f"the reason: {outcome.err!r}")


@check("a start with a worker that hangs past start-timeout: exit 1 with the reason, nothing left")
def hang_at_start(case: Case) -> None:
    case.configure(section("worker", "web", case.worker("web", "unready", "ignore=TERM,INT,USR1"), "readiness notify",
                           "stop-timeout 200ms"), settings=["start-timeout 400ms"])
    outcome = case.refused()
    expect(outcome.seconds < 5, f"after {outcome.seconds:.1f} s")
    expect("web" in outcome.err and "time" in outcome.err, f"the reason: {outcome.err!r}")


@check("a start whose pid file cannot be written: exit 1, no child was started")
def no_pid_file(case: Case) -> None:
    case.configure(section("worker", "a", case.worker("a")))
    outcome = case.run("-f", "--pid-file", case.path("none", "pid"), "--log-file", "-", "-c", case.configuration)
    expect(outcome.code == 1 and not case.facts("a"), str(outcome))


@check("a control socket that cannot be bound: exit 1 with its path, nothing left")
def no_control(case: Case) -> None:
    case.configure(section("worker", "a", case.worker("a")), control=case.path("none", "control"))
    expect("none/control" in case.refused().err or "none" in case.outcomes[-1].err, case.outcomes[-1].err)


# A second one

@check("a second master with the same pid file is refused with 1; the first is untouched")
def second(case: Case) -> None:
    case.configure(section("worker", "web"))
    master = case.start()
    before, table = read(case.pid_file), master.current()
    for words in ([], ["-f"]):
        outcome = case.run(*words, *case.files, "-c", case.configuration)
        expect(outcome.code == 1 and "running" in outcome.err, str(outcome))
    expect(read(case.pid_file) == before, f"pid file {read(case.pid_file)!r}")
    expect(master.current() == table, f"{master.children()}")
    master.reload()


@check("a second master with a pid file of its own, but the same control socket, is refused; the first one's stays")
def second_on_socket(case: Case) -> None:
    case.configure(section("worker", "web"))
    master = case.start()
    outcome = case.run("-f", f"--pid-file={case.path('pid2')}", "--log-file=-", "-c", case.configuration)
    expect(outcome.code == 1 and "control" in outcome.err, str(outcome))
    expect(not os.path.exists(case.path("pid2")), "its pid file is left")
    expect(master.current("web"), "the first does not answer")


@check("a second master on the same Unix listener is refused; the first one's still answers")
def second_on_listener(case: Case) -> None:
    case.configure(UNIX.format(case.path("socket")), section("worker", "web", case.worker("web"), "listen l",
                                                              "readiness notify"))
    case.start()
    other = case.configure(UNIX.format(case.path("socket")), section("worker", "web", SLEEPER, "listen l"),
                           control=case.path("other"), name="other.cfg")
    outcome = case.run("-f", f"--pid-file={case.path('other.pid')}", "--log-file=-", "-c", other)
    expect(outcome.code == 1 and "socket" in outcome.err, str(outcome))
    expect(ask(case.path("socket"))[0] == 1, "the first does not answer")


@check("after kill -9 of a master a new one starts with the files that it left")
def stale_files(case: Case) -> None:
    case.configure(UNIX.format(case.path("socket")), section("worker", "web", case.worker("web"), "listen l",
                                                              "readiness notify"))
    first = case.start()
    first.send(9)
    first.ends(-9)
    expect(eventually(lambda: not case.living()), f"left: {case.left()}")
    os.unlink(case.log_file)
    master = case.start()
    expect(ask(case.path("socket"))[1] == master.only("web"), "somebody else answers")
    master.stop()
    case.expect_nothing_left()


# Its options

@check("--check of a good file: 0, nothing is started or made")
def check_good(case: Case) -> None:
    case.configure("listen l\n    bind 127.0.0.1:0\n", section("worker", "web", case.worker("web"), "listen l"))
    outcome = case.run("--check", *case.files, "-c", case.configuration)
    expect(outcome.code == 0, str(outcome))
    expect(not case.facts("web"), "a worker was started")
    case.expect_no_files()


@check("--check beside a running master: 0, and the master is untouched")
def check_beside(case: Case) -> None:
    case.configure(section("worker", "web"))
    master = case.start()
    expect(case.run("--check", *case.files, "-c", case.configuration).code == 0, str(case.outcomes[-1]))
    expect(master.current("web"), "the master does not answer")


@check("several -c are one configuration, in their order")
def several_files(case: Case) -> None:
    first = case.configure(section("worker", "one"))
    second = case.write("b.cfg", section("worker", "two"))
    master = case.start(configuration=[first, second])
    expect(master.current("one") and master.current("two"), f"{master.children()}")
    case.write("b.cfg", section("worker", "three"))
    master.reload()
    expect(master.current("three") and not master.current("two"), f"{master.children()}")


@check("-c DIR takes *.cfg in the order of their names, and a new one at the next reload")
def directory(case: Case) -> None:
    case.configure("", name="d/00.cfg")
    case.write("d/20.cfg", section("worker", "two", SLEEPER, 'setenv X "$Y"'))
    case.write("d/10.cfg", "global\n    setenv Y from-ten\n")
    case.write("d/other", "nonsense\n")
    master = case.start(configuration=[case.path("d")])
    pid = master.only("two")
    with open(f"/proc/{pid}/environ", "rb") as file:
        expect(b"X=from-ten" in file.read().split(b"\0"), "10.cfg was not read before 20.cfg")
    case.write("d/30.cfg", section("worker", "three"))
    master.reload()
    expect(master.current("three"), f"{master.children()}")


@check("a relative -c is found at a reload, although the daemon is in another directory")
def relative_file(case: Case) -> None:
    case.configure(section("worker", "one"))
    case.configuration = "m.cfg"
    master = case.launch()
    case.configure(section("worker", "two"))
    master.reload()
    expect(master.current("two"), f"{master.children()}")


@check("--workers N: N processes of the same executable serve; the launcher waits for them")
def workers(case: Case) -> None:
    master = case.start_workers(3)
    expect(len(master.offspring()) == 3, f"children {master.offspring()}")
    expect(all(os.readlink(f"/proc/{pid}/exe") == os.path.realpath(case.echod) for pid in master.offspring()), "others")
    expect(echoes(port_of(master)), "nobody echoes")
    master.stop()


@check("--workers with a worker that fails: exit 1 with its reason, nothing left")
def workers_fail(case: Case) -> None:
    outcome = case.run(*case.files, "--workers", "2", "-S", case.control, "--fault-prepare", "throw",
                       program=case.faultd)
    expect(outcome.code == 1 and outcome.err.strip(), str(outcome))
    case.expect_nothing_left()


@check("--workers with a worker that hangs: exit 1 within its start-timeout, nothing left")
def workers_hang(case: Case) -> None:
    outcome = case.run(*case.files, "--workers", "2", "-S", case.control, "--start-timeout", "1",
                       "--fault-prepare", "hang", program=case.faultd)
    expect(outcome.code == 1 and outcome.err.strip() and outcome.seconds < 6, str(outcome))
    case.expect_nothing_left(seconds=4)


@check("--workers: a second one on the same pid file is refused, the first untouched")
def workers_second(case: Case) -> None:
    master = case.start_workers(1)
    outcome = case.run("-f", *case.files, "-b", "127.0.0.1:0", "--workers", "1", program=case.echod)
    expect(outcome.code == 1 and "running" in outcome.err, str(outcome))
    expect(echoes(port_of(master)), "the first does not echo")


@check("the options of every daemon: --status, --reload, --reopen-logs and --stop act on the running master")
def remote(case: Case) -> None:
    case.configure(section("worker", "web", case.worker("web"), "readiness notify"))
    master = case.launch()
    expect(case.run("--status", *case.files).code == 0, str(case.outcomes[-1]))
    os.rename(case.log_file, case.path("log.1"))
    expect(case.run("--reopen-logs", *case.files).code == 0, str(case.outcomes[-1]))
    expect(eventually(lambda: os.path.exists(case.log_file)), "the log is not reopened")
    expect(master.table().master.reloads == "0", "reopening is a reload")
    expect(case.run("--reload", *case.files).code == 0, str(case.outcomes[-1]))
    case.met("web", 2)
    expect(case.run("--stop", *case.files).code == 0, str(case.outcomes[-1]))
    expect(not processes.alive(master.pid), "it lives on after --stop")
    case.expect_nothing_left()
    expect(case.run("--status", *case.files).code == 3, str(case.outcomes[-1]))


@check("without -c it reads /etc/masterd/masterd.cfg")
def usual_file(case: Case) -> None:
    if os.path.exists("/etc/masterd"):
        raise Unavailable("there is one here")
    outcome = case.run("--check")
    expect(outcome.code == 1 and "/etc/masterd/masterd.cfg" in outcome.err, str(outcome))
