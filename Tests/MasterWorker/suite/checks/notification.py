"""The notification protocol between a child and its master."""

import os
import shutil
import signal
import socket
import time

from harness import processes
from harness.checks import check, expect
from harness.moments import meanwhile
from harness.processes import eventually
from ..case import Case, section
from ..master import Master
from .upgrade import installed, upgraded


def started(case: Case, *lines: str, behaviour=(), more=(), settings=()) -> Master:
    case.configure(section("worker", "web", case.worker("web", *behaviour), "readiness notify", *lines), *more,
                   settings=settings)
    return case.start()


def facts_of(master: Master, service: str) -> str:
    return "".join(repr(each.facts) for each in master.children() if each.service == service)


@check("READY=1 by systemd-notify, which is not kept waiting for its barrier")
def tool(case: Case) -> None:
    path = case.path("done")
    case.configure(section("worker", "web", case.fixture("systemd_notify.sh", path), "readiness notify"),
                   settings=["start-timeout 4s"])
    begin = time.monotonic()
    master = case.start()
    expect(eventually(lambda: os.path.exists(path), 4), "systemd-notify does not end")
    expect(time.monotonic() - begin < 3, f"it took {time.monotonic() - begin:.1f} s")
    master.wait(lambda: "by the tool" in facts_of(master, "web"), "its status")


@check("READY=1 of a stranger does not count")
def stranger(case: Case) -> None:
    case.configure(section("worker", "web", case.worker("web", f"gate={case.path('gate')}"), "readiness notify"))
    master = case.start(ready=False)
    web = case.met("web")
    address = web["environment"]["NOTIFY_SOCKET"]
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sock:
        try:
            sock.sendto(b"READY=1", "\0" + address[1:] if address.startswith("@") else address)
        except OSError:
            pass
    # It comes behind the other in the master's queue.
    case.order(web["pid"], "notify", "STATUS=behind it")
    master.wait(lambda: "behind it" in facts_of(master, "web"), "the child's own message")
    expect("Loading success" not in master.log, "a stranger's READY=1 counts")
    case.touch("gate")
    master.ready()


@check("the directory of the sockets comes back for the next child where somebody has cleared it")
def cleared(case: Case) -> None:
    master = started(case)
    address = case.met("web")["environment"]["NOTIFY_SOCKET"]
    directory = os.path.dirname(os.path.dirname(address))
    expect(os.path.isdir(directory) and directory.count("/") > 1, f"{address} is in no directory of its own")
    shutil.rmtree(directory)
    master.reload()
    expect(case.met("web", 2)["environment"]["NOTIFY_SOCKET"] != address, "the next child has the old address")


@check("STATUS is shown by show proc json, the last one")
def status(case: Case) -> None:
    master = started(case)
    pid = case.met("web")["pid"]
    for text in ("warming up", "serving 3 clients"):
        case.order(pid, "notify", f"STATUS={text}")
        master.wait(lambda: text in facts_of(master, "web"), "the status")
    expect("warming up" not in facts_of(master, "web"), "the old one is still there")


@check("a STATUS with quotes, control characters and bytes that are no text leaves the JSON valid")
def odd_status(case: Case) -> None:
    master = started(case)
    case.order(case.met("web")["pid"], "notify", 'STATUS="a\\b\tc\x01ä')
    master.wait(lambda: "ä" in facts_of(master, "web"), "the status")


@check("STOPPING=1 of a worker that ends by itself: it is not a failure when it then exits with 0")
def stopping(case: Case) -> None:
    master = started(case)
    pid = case.met("web")["pid"]
    case.order(pid, "notify", "STOPPING=1")
    case.order(pid, "exit", 0)
    expect(eventually(lambda: not processes.alive(pid)), "it lives on")
    if master.code() is None:
        master.send(signal.SIGTERM)
    master.ends(0)


@check("RELOADING=1 and READY=1 of a program at its reload signal")
def reloading(case: Case) -> None:
    case.configure(section("worker", "web"), section(
        "program", "p", case.worker("p", "hup=reload"), "readiness notify", "on-reload signal HUP"))
    master = case.start()
    pid = case.met("p")["pid"]
    master.reload()
    case.happens(pid, "HUP")
    case.happens(pid, "ready", 2)
    master.wait(lambda: master.current("p") == [pid], "the program, ready again")


@check("WATCHDOG: a child that beats lives; at a missed beat it is killed, with the reason, and its policy follows")
def watchdog(case: Case) -> None:
    master = started(case, "watchdog 300ms", "restart on-failure backoff 50ms 1s", behaviour=["beat=0.05"])
    pid = case.met("web")["pid"]
    variables = case.met("web")["environment"]
    expect(variables.get("WATCHDOG_USEC") == "300000", f"WATCHDOG_USEC {variables.get('WATCHDOG_USEC')}")
    expect(variables.get("WATCHDOG_PID") == str(pid), f"WATCHDOG_PID {variables.get('WATCHDOG_PID')}")
    meanwhile(0.6)
    expect(processes.alive(pid), "it was killed although it beats")
    case.order(pid, "beat", 0)
    begin = time.monotonic()
    second = case.met("web", 2)
    case.note(f"{(time.monotonic() - begin) * 1000:.0f} ms")
    expect(not processes.alive(pid) and second["pid"] != pid, "the silent one lives on")
    expect("atchdog" in master.log, "no reason in the log")


@check("WATCHDOG: without restart the missed beat ends everything with a bad code")
def watchdog_default(case: Case) -> None:
    master = started(case, "watchdog 200ms")
    master.ends(None)
    expect(master.code() not in (0, None), f"ended with {master.code()}")
    expect("atchdog" in master.log, "no reason in the log")


@check("WATCHDOG=trigger kills at once")
def trigger(case: Case) -> None:
    started(case, "watchdog 60s", "restart on-failure backoff 50ms 1s")
    pid = case.met("web")["pid"]
    case.tell(pid, "notify", "WATCHDOG=trigger")
    expect(eventually(lambda: not processes.alive(pid)), "it lives on")
    case.met("web", 2)


@check("EXTEND_TIMEOUT_USEC: a start may take longer than start-timeout as long as it says so")
def extend(case: Case) -> None:
    begin = time.monotonic()
    started(case, behaviour=["notify=EXTEND_TIMEOUT_USEC=5000000", "ready=1.0"], settings=["start-timeout 500ms"])
    expect(time.monotonic() - begin >= 1, "ready too early")


@check("EXTEND_TIMEOUT_USEC: what is promised is the limit, too")
def extend_limit(case: Case) -> None:
    case.configure(section("worker", "web", case.worker("web", "notify=EXTEND_TIMEOUT_USEC=700000", "unready"),
                           "readiness notify"), settings=["start-timeout 300ms"])
    begin = time.monotonic()
    outcome = case.run("-f", *case.files, "-c", case.configuration)
    seconds = time.monotonic() - begin
    expect(outcome.code == 1 and 0.6 < seconds < 4, f"{seconds:.1f} s, {outcome}")


@check("EXTEND_TIMEOUT_USEC: a stop may take longer than stop-timeout as long as it says so")
def extend_stop(case: Case) -> None:
    master = started(case, "stop-timeout 300ms", behaviour=["drain=0.9"])
    pid = case.met("web")["pid"]
    master.send(signal.SIGTERM)
    case.happens(pid, "TERM")
    case.order(pid, "notify", "EXTEND_TIMEOUT_USEC=3000000")
    begin = time.monotonic()
    master.ends(0)
    expect(time.monotonic() - begin > 0.4, "it was killed by the old time-out")


@check("MAINPID: a command that forks and ends is followed to its child; the stop reaches it")
def main_pid(case: Case) -> None:
    master = started(case, behaviour=["mainpid"])
    child = case.met("web")["pid"]
    expect(eventually(lambda: master.current("web") == [child]), f"{master.children()}, not {child}")
    master.send(signal.SIGTERM)
    case.happens(child, "TERM")
    master.ends(0)
    case.expect_nothing_left()


@check("MAINPID: the death of the child that was named is the service's")
def main_pid_death(case: Case) -> None:
    master = started(case, "restart on-failure backoff 50ms 1s", behaviour=["mainpid"])
    child = case.met("web")["pid"]
    master.wait(lambda: master.current("web") == [child], "the child that was named")
    processes.kill(child)
    second = case.met("web", 2)
    master.wait(lambda: master.current("web") == [second["pid"]], "another one")


@check("MAINPID: the end of a main process that its own parent reaps is seen: its policy follows, and the stop ends")
def watched_main_pid(case: Case) -> None:
    master = started(case, "restart on-failure backoff 50ms 1s", "stop-timeout 2s", behaviour=["mainpid=watched"])
    child = case.met("web")["pid"]
    master.wait(lambda: master.current("web") == [child], "the child that was named")
    processes.kill(child)
    second = case.met("web", 2)
    master.wait(lambda: master.current("web") == [second["pid"]], "another one")
    master.send(signal.SIGTERM)
    case.happens(second["pid"], "TERM")
    expect(eventually(lambda: master.code() is not None, 5), "the master does not end")
    case.expect_nothing_left()


@check("MAINPID: a daemon that forks twice and begins a session of its own names itself")
def daemon_main_pid(case: Case) -> None:
    master = started(case, "restart on-failure backoff 50ms 1s", behaviour=["mainpid=daemon"])
    child = case.met("web")["pid"]
    master.wait(lambda: master.current("web") == [child], "the daemon")
    master.send(signal.SIGTERM)
    case.happens(child, "TERM")
    master.ends(0)
    case.expect_nothing_left()


@check("MAINPID over an upgrade: the end of a kept main process that its own parent reaps is still seen")
def upgraded_main_pid(case: Case) -> None:
    installed(case)
    case.configure(section("worker", "web", case.worker("web"), "readiness notify"), section(
        "program", "p", case.worker("p", "mainpid=watched"), "readiness notify", "on-reload keep", "stop-timeout 2s",
        "restart on-failure backoff 50ms 1s"))
    master = case.start()
    child = case.met("p")["pid"]
    master.wait(lambda: master.current("p") == [child], "the child that was named")
    upgraded(case, master)
    expect(master.current("p") == [child], f"{master.children()}")
    processes.kill(child)
    second = case.met("p", 2)
    master.wait(lambda: master.current("p") == [second["pid"]], "another one")


@check("MAINPID of another service's orphan is refused, and WATCHDOG=trigger does not reach it")
def orphan_of_another(case: Case) -> None:
    record = case.path("orphan")
    script = case.path("orphans.py")
    with open(script, "w", encoding="utf-8") as file:
        file.write("import os, sys, time\nif os.fork() == 0:\n os.setsid()\n if os.fork() == 0:\n"
                   "  open(sys.argv[1] + '.new', 'w').write(str(os.getpid()))\n"
                   "  os.rename(sys.argv[1] + '.new', sys.argv[1])\n  time.sleep(1000)\n os._exit(0)\n"
                   "time.sleep(1000)\n")
    case.configure(section("worker", "web", case.worker("web"), "readiness notify", "watchdog 60s",
                           "restart on-failure backoff 50ms 1s"),
                   section("program", "other", f"/usr/bin/env python3 {script} {record}"))
    master = case.start()
    expect(eventually(lambda: os.path.exists(record)), "no orphan")
    with open(record, encoding="utf-8") as file:
        orphan = int(file.read())
    try:
        pid = case.met("web")["pid"]
        case.order(pid, "notify", f"MAINPID={orphan}")
        expect(master.only("web") == pid, f"{master.children()}")
        case.tell(pid, "notify", f"MAINPID={orphan}\nWATCHDOG=trigger")
        expect(eventually(lambda: not processes.alive(pid)), "the watchdog did not bite who said it")
        expect(processes.alive(orphan), "the other service's orphan was killed")
    finally:
        processes.kill(orphan)


@check("MAINPID of a process that is not the child's own is refused")
def foreign_main_pid(case: Case) -> None:
    case.configure(section("worker", "web", case.worker("web"), "readiness notify"), section("program", "other"))
    master = case.start()
    pid, other = case.met("web")["pid"], master.only("other")
    for victim in (1, os.getpid(), other, master.pid):
        case.order(pid, "notify", f"MAINPID={victim}")
    expect(master.only("web") == pid, f"{master.children()}")


@check("FDSTORE: what a worker stores comes back to the next generation, by name, with its content")
def store(case: Case) -> None:
    master = started(case, behaviour=["store=state"])
    expect(case.met("web")["stored"] == {}, f"{case.met('web')['stored']}")
    master.reload()
    second = case.met("web", 2)
    expect(second["stored"] == {"state": "generation 1"}, f"{second['stored']}, {second['environment']}")
    expect(second["environment"].get("LISTEN_FDNAMES") == "state", f"{second['environment']}")


@check("FDSTORE in its environment is how many it may store; WATCHDOG_PID is there with a watchdog only")
def told(case: Case) -> None:
    started(case)
    variables = case.met("web")["environment"]
    expect(variables.get("FDSTORE") == "64" and "WATCHDOG_PID" not in variables, f"{variables}")


@check("FDSTORE beside listeners: the listeners come first, the names say which is which")
def store_and_listen(case: Case) -> None:
    case.configure("listen l\n    bind 127.0.0.1:0\n", section(
        "worker", "web", case.worker("web"), "readiness notify", "listen l"))
    master = case.start()
    case.order(case.met("web")["pid"], "store", "mine", "one")
    master.reload()
    second = case.met("web", 2)
    expect(second["environment"].get("LISTEN_FDNAMES") == "l:mine", f"{second['environment'].get('LISTEN_FDNAMES')}")
    expect(second["stored"] == {"mine": "one"}, f"{second['stored']}")
    expect(second["environment"].get("SERVER_STARTER_PORT", "").count("=") == 1, "the store is in SERVER_STARTER_PORT")


@check("WATCHDOG_USEC= changes the child's own watchdog, and the next process has the service's again")
def own_watchdog(case: Case) -> None:
    master = started(case, "watchdog 300ms", "restart on-failure backoff 50ms 1s",
                     behaviour=["beat=0.05", "notify=WATCHDOG_USEC=60000000"])
    pid = case.met("web")["pid"]
    case.order(pid, "beat", 0)
    meanwhile(0.7)
    expect(processes.alive(pid), "it was killed although it has said 60 s")
    case.order(pid, "notify", "WATCHDOG_USEC=100000")
    expect(eventually(lambda: not processes.alive(pid)), "it lives on")
    expect("missed its watchdog" in master.log, "no reason in the log")


@check("WATCHDOG_USEC= of a service without a watchdog begins one")
def watchdog_of_its_own(case: Case) -> None:
    started(case, "restart on-failure backoff 50ms 1s")
    pid = case.met("web")["pid"]
    case.order(pid, "notify", "WATCHDOG_USEC=100000")
    expect(eventually(lambda: not processes.alive(pid)), "it lives on")


@check("FDSTORE survives a crash of the worker and an upgrade of the master")
def store_survives(case: Case) -> None:
    installed(case)
    master = started(case, "restart on-failure backoff 50ms 1s")
    case.order(case.met("web")["pid"], "store", "mine", "one")
    processes.kill(case.met("web")["pid"])
    second = case.met("web", 2)
    expect(second["stored"] == {"mine": "one"}, f"after the crash {second['stored']}")
    upgraded(case, master)
    third = case.met("web", 3)
    expect(third["stored"] == {"mine": "one"}, f"after the upgrade {third['stored']}")


@check("FDSTOREREMOVE: what was removed does not come back, and its descriptor is closed")
def remove(case: Case) -> None:
    master = started(case)
    pid = case.met("web")["pid"]
    before = len(processes.open_files(master.pid))
    case.order(pid, "store", "one", "1")
    case.order(pid, "store", "two", "2")
    master.wait(lambda: len(processes.open_files(master.pid)) == before + 2, "two stored descriptors")
    case.order(pid, "notify", "FDSTOREREMOVE=1\nFDNAME=one")
    master.wait(lambda: len(processes.open_files(master.pid)) == before + 1, "one stored descriptor")
    master.reload()
    expect(case.met("web", 2)["stored"] == {"two": "2"}, f"{case.met('web', 2)['stored']}")


@check("FDSTORE of a service that is gone after a reload is closed; of another service it is not handed out")
def store_gone(case: Case) -> None:
    case.configure(section("worker", "web", case.worker("web"), "readiness notify"),
                   section("program", "p", case.worker("p"), "readiness notify"))
    master = case.start()
    before = len(processes.open_files(master.pid))
    case.order(case.met("p")["pid"], "store", "mine", "x")
    master.reload()
    expect(case.met("web", 2)["stored"] == {} and case.met("p", 2)["stored"] == {"mine": "x"}, "handed to another")
    case.configure(section("worker", "web", case.worker("web"), "readiness notify"))
    master.reload()
    expect(eventually(lambda: len(processes.open_files(master.pid)) <= before), f"{processes.open_files(master.pid)}")


@check("a flood of messages with descriptors fills neither the memory nor the descriptors of the master")
def store_flood(case: Case) -> None:
    master = started(case)
    pid = case.met("web")["pid"]
    for number in range(200):
        case.order(pid, "store", f"n{number}", "x")
    expect(master.answers(), "no answer")
    case.note(f"{len(processes.open_files(master.pid))} descriptors")
    expect(len(processes.open_files(master.pid)) < 1200, "no limit")
    master.reload()


@check("messages that mean nothing, or are broken, do nothing")
def broken(case: Case) -> None:
    master = started(case)
    pid = case.met("web")["pid"]
    for text in ("", "\n\n", "READY", "READY=2", "MAINPID=", "MAINPID=x", "MAINPID=-1", "MAINPID=99999999999999999999",
                 "EXTEND_TIMEOUT_USEC=x", "WATCHDOG_USEC=x", "FDSTORE=1", "FDSTOREREMOVE=1", "FDNAME=a:b", "=", "=1",
                 "X" * 30000, "STATUS=" + "y" * 30000, "ERRNO=5", "BUSERROR=x", "VARLINK", "BARRIER=1"):
        case.order(pid, "notify", text)
    expect(master.only("web") == pid, f"{master.children()}")
    master.reload()
