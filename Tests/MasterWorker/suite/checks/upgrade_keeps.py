"""What goes on over an upgrade: whatever was under way when the image was exchanged."""

import os
import signal
import time

from harness import processes
from harness.checks import check, expect
from harness.moments import let_pass, meanwhile
from harness.processes import eventually
from ..case import Case, section
from ..clients import Echo, port_of
from ..master import Master
from .signals import waits
from .upgrade import PATIENCE, installed, is_new, renew, upgraded


def started(case: Case, *lines: str, behaviour=(), settings=()) -> Master:
    """A program that is kept over reloads, and so over upgrades too, beside a worker."""
    installed(case)
    case.configure(section("worker", "web", case.worker("web"), "readiness notify"), section(
        "program", "kept", case.worker("kept", *behaviour), "readiness notify", "on-reload keep", *lines),
        settings=settings)
    return case.start()


def facts(master: Master, service: str) -> str:
    return "".join(repr(each.facts) for each in master.children() if each.service == service)


@check("a kept program's notification socket: its STATUS is heard after the upgrade, and was not forgotten by it")
def status(case: Case) -> None:
    master = started(case)
    pid = case.met("kept")["pid"]
    case.order(pid, "notify", "STATUS=before")
    upgraded(case, master)
    expect("before" in facts(master, "kept"), f"forgotten: {facts(master, 'kept')}")
    case.order(pid, "notify", "STATUS=after")
    master.wait(lambda: "after" in facts(master, "kept"), "the new status")


@check("a kept program's watchdog goes on: it is killed when its beats end after the upgrade, and not before")
def watchdog(case: Case) -> None:
    master = started(case, "watchdog 400ms", "restart on-failure backoff 50ms 1s", behaviour=["beat=0.05"])
    pid = case.met("kept")["pid"]
    upgraded(case, master)
    meanwhile(0.6)
    expect(processes.alive(pid), "killed although it beats")
    case.order(pid, "beat", 0)
    case.met("kept", 2)


@check("a kept program's stored descriptors come back to its successor after the upgrade")
def store(case: Case) -> None:
    master = started(case, "restart on-failure backoff 50ms 1s", behaviour=["store=state"])
    upgraded(case, master)
    processes.kill(case.met("kept")["pid"])
    expect(case.met("kept", 2)["stored"] == {"state": "generation 1"}, f"{case.met('kept', 2)['stored']}")


@check("a program that was followed by MAINPID is followed after the upgrade")
def main_pid(case: Case) -> None:
    master = started(case, "restart on-failure backoff 50ms 1s", behaviour=["mainpid"])
    child = case.met("kept")["pid"]
    upgraded(case, master)
    expect(master.only("kept") == child, f"{master.children()}")
    processes.kill(child)
    second = case.met("kept", 2)
    master.wait(lambda: master.current("kept") == [second["pid"]], "its successor")


@check("a restart that waits for its pause still comes after the upgrade, in time")
def backoff(case: Case) -> None:
    master = started(case, "restart on-failure backoff 1500ms 5s")
    begin = time.monotonic()
    processes.kill(case.met("kept")["pid"])
    master.wait(lambda: not master.current("kept"), "its death in the table")
    upgraded(case, master)
    case.met("kept", 2)
    expect(time.monotonic() - begin < 4, f"after {time.monotonic() - begin:.1f} s")
    expect(len(case.facts("kept")) == 2, f"{len(case.facts('kept'))} processes")


@check("a stop-timeout that runs for an old worker still ends it after the upgrade")
def stop_timeout(case: Case) -> None:
    installed(case)
    case.configure(section("worker", "web", case.worker("web", "ignore=TERM,INT,USR1"), "readiness notify",
                           "stop-timeout 1500ms"))
    master = case.start()
    old = case.met("web")["pid"]
    master.reload()
    upgraded(case, master)
    expect(processes.alive(old) or case.facts("web"), "it was ended at once")
    expect(eventually(lambda: not processes.alive(old), 4), "the old worker lives on")
    master.send(signal.SIGINT)
    master.ends(130)


@check("an old worker's death after the upgrade is an old one's: no exit, no restart")
def old_death(case: Case) -> None:
    installed(case)
    case.configure(section("worker", "web", case.worker("web", "drain=60"), "readiness notify"))
    master = case.start()
    old = case.met("web")["pid"]
    master.reload()
    upgraded(case, master)
    expect(any(row.pid == old for row in master.table()["old workers"]), master.table().text)
    processes.kill(old)
    master.says(rf"Former worker \({old}\) exited with code 137 \(Killed\)")
    master.still_runs()
    master.send(signal.SIGINT)
    master.ends(130)


@check("a restart limit that is half used stays half used over the upgrade")
def limit(case: Case) -> None:
    master = started(case, "restart on-failure backoff 10ms 20ms limit 2/60s")
    case.order(case.met("kept")["pid"], "exit", 6)
    case.happens(case.met("kept", 2)["pid"], "ready")
    upgraded(case, master)
    case.order(case.met("kept", 2)["pid"], "exit", 6)
    case.happens(case.met("kept", 3)["pid"], "ready")
    case.order(case.met("kept", 3)["pid"], "exit", 6)
    master.ends(6)


@check("what scale and stop have changed: of a program that is kept it holds over a reload and an upgrade")
def scale_and_stop(case: Case) -> None:
    installed(case)
    case.configure(section("worker", "web"), section("program", "kept", "sleep 1000", "on-reload keep"),
                   section("program", "off", "sleep 1000", "on-reload keep"))
    master = case.start()
    master.ask("scale kept 3")
    master.wait(lambda: len(master.current("kept")) == 3, "three")
    master.ask("stop off")
    master.wait(lambda: not master.current("off"), "a program that is stopped")
    upgraded(case, master)
    case.note(f"kept {len(master.current('kept'))}, off {len(master.current('off'))}")
    expect(not master.current("off"), "the upgrade has started what was stopped")


@check("a pause (TTOU) holds over an upgrade, for the new workers too; TTIN ends it")
def pause(case: Case) -> None:
    installed(case, "echod")
    master = case.start_workers(1)
    port = port_of(master)
    master.send(signal.SIGTTOU)
    expect(eventually(lambda: waits(port)), "new connections are still served")
    inode = renew(case, "echod")
    master.reload("upgrade", PATIENCE)
    expect(is_new(master, inode), "the executable is the old one")
    expect(eventually(lambda: waits(port)), "the new worker accepts")
    with Echo(port) as echo:
        expect(not echo.says("hello", 0.2), "the new worker accepts")
        master.send(signal.SIGTTIN)
        expect(echo.hears(), "the connection that waited is not served")


@check("parallel upgrades all get an answer, and there is one generation more for each round that was run")
def parallel(case: Case) -> None:
    master = started(case)
    renew(case)
    sessions = [master.session() for _ in range(5)]
    for each in sessions:
        each.send("upgrade\n")
    answers = [each.answer(40) for each in sessions]
    expect(all(answer.startswith("Success=1\n--\n") for answer in answers), f"{answers}")
    for each in sessions:
        each.close()
    rounds = int(master.table().master.reloads)
    generation = max(each.generation for each in master.children())
    expect(generation == rounds + 1, f"generation {generation} after {rounds} reloads")


@check("a client that waits for its reload's answer gets it over an upgrade that was asked for in another session")
def waiting_client(case: Case) -> None:
    master = started(case)
    with master.session() as one, master.session() as two:
        renew(case)
        two.send("upgrade\n")
        one.send("wait ready\n")
        expect(two.answer(PATIENCE).startswith("Success=1\n"), "the upgrade has failed")
        expect(one.answer(PATIENCE).strip(), "no answer to wait ready")


@check("an upgrade while stopping, and while stopping softly, is refused; the stop goes on")
def while_stopping(case: Case) -> None:
    for number in (signal.SIGTERM, signal.SIGUSR1):
        case.masterd = os.path.join(case.binaries, "masterd")
        installed(case)
        case.configure(section("worker", "web", case.worker("web", "drain=1"), "readiness notify"))
        master = case.start()
        renew(case)
        pid = case.facts("web")[-1]["pid"]
        with master.session() as one:
            master.send(number)
            expect(eventually(lambda: len(case.events(pid)) > 1), "the worker was told nothing")
            answer = one.say("upgrade", 30)
            expect(answer.startswith("Success=0\n") and "stopping" in answer, f"{answer!r}")
        master.ends(0)
        os.unlink(case.log_file)


@check("a worker that ends while the new executable proves itself is restarted, and the upgrade goes on")
def death_in_proof(case: Case) -> None:
    master = started(case, "restart on-failure backoff 10ms 1s")
    for step in range(5):
        inode = renew(case)
        with master.session() as one:
            one.send("upgrade\n")
            let_pass(0.005 * step)
            processes.kill(master.only("kept") if step == 0 else case.facts("kept")[-1]["pid"])
            expect(one.answer(PATIENCE).startswith("Success=1\n"), "the upgrade has failed")
        expect(is_new(master, inode), "the executable is the old one")
        case.happens(case.met("kept", step + 2)["pid"], "ready")


@check("the control socket's levels and the listeners' files stay what they were")
def sockets(case: Case) -> None:
    installed(case)
    user, path = case.path("control-user"), case.path("socket")
    case.configure(f"listen l\n    bind unix:{path} mode 660\n",
                   section("worker", "web", case.worker("web"), "readiness notify", "listen l"),
                   settings=[f"control-socket {user} mode 666 level user"])
    master = case.start()
    before = [os.stat(each).st_ino for each in (user, path, case.control)]
    with master.session(user) as one:
        upgraded(case, master)
        expect("Permission denied!" in one.say("reload"), "a user's session may reload after the upgrade")
    expect("Permission denied!" in master.ask("reload", path=user), "a user may reload after the upgrade")
    expect([os.stat(each).st_ino for each in (user, path, case.control)] == before, "a socket is another one")
    expect(os.stat(path).st_mode & 0o777 == 0o660, "the listener's mode has changed")
    master.stop()
    case.expect_nothing_left()
    expect(not os.path.exists(user), "a socket is left")
