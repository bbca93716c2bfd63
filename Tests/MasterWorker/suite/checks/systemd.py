"""The master towards its own service manager: messages, watchdog, stored descriptors."""

import os
import signal
import socket
import time
from typing import Optional, Tuple

from harness import processes
from harness.checks import check, expect
from harness.clients import ask, connect
from harness.ports import free_port
from harness.processes import eventually
from ..case import WORKERS, Case, section
from ..clients import echoes, port_of
from ..manager import Manager
from ..master import Master
from .upgrade import PATIENCE, installed, upgraded


def started(case: Case, *behaviour: str, settings=(), port: Optional[int] = None) -> Tuple[Manager, Master]:
    manager = Manager(case.path("notify"))
    case.configure(f"listen l\n    bind 127.0.0.1:{port or 0}\n",
                   section("worker", "web", case.worker("web", *behaviour), "readiness notify", "listen l"),
                   settings=settings)
    return manager, case.start(env=manager.environment)


@check("READY=1 with MAINPID and STATUS=Ready., once, when the workers are ready and not before")
def ready(case: Case) -> None:
    manager, master = started(case, "ready=0.3")
    _, message = manager.hears("READY=1")
    expect(message.fields.get("MAINPID") == str(master.pid), f"{message}")
    expect(message.fields.get("STATUS") == "Ready.", f"{message}")
    expect(case.moment(case.met("web")["pid"], "ready") <= message.moment + 0.05, "before the worker was ready")
    expect(sum("READY=1" in each.lines for each in manager.take()) == 1, f"{manager.messages}")


@check("the manager's READY=1 does not come where the start fails")
def not_ready(case: Case) -> None:
    manager = Manager(case.path("notify"))
    case.configure(section("worker", "web", case.worker("web", "exit=3"), "readiness notify"))
    outcome = case.run("-f", *case.files, "-c", case.configuration, env=manager.environment)
    told = [each for each in manager.take() if "READY=1" in each.lines]
    expect(outcome.code == 1 and not told, f"{manager.messages}")


@check("a reload: RELOADING=1 with STATUS and MONOTONIC_USEC, then READY=1")
def reload(case: Case) -> None:
    manager, master = started(case)
    number, _ = manager.hears("READY=1")
    begin = time.monotonic_ns() // 1000
    master.send(signal.SIGHUP)
    number, message = manager.hears("RELOADING=1", since=number + 1)
    moment = int(message.fields.get("MONOTONIC_USEC", 0))
    expect(begin <= moment <= time.monotonic_ns() // 1000, f"MONOTONIC_USEC {moment}, sent at {begin}")
    expect("STATUS" in message.fields, f"{message}")
    manager.hears("READY=1", "STATUS=", since=number + 1)


@check("a failed reload: RELOADING=1, then READY=1 with STATUS=Reload failed!")
def failed_reload(case: Case) -> None:
    manager, master = started(case)
    number, _ = manager.hears("READY=1")
    case.write("m.cfg", "nonsense\n")
    master.refuses()
    number, _ = manager.hears("RELOADING=1", since=number + 1)
    manager.hears("READY=1", "STATUS=Reload failed!", since=number + 1)


@check("a stop: STOPPING=1 before the workers have ended")
def stop(case: Case) -> None:
    for number in (signal.SIGTERM, signal.SIGUSR1):
        manager, master = started(case, "drain=0.2")
        master.send(number)
        manager.hears("STOPPING=1", seconds=3)
        master.ends(0)
        manager.close()
        os.unlink(manager.path)
        os.unlink(case.log_file)


@check("EXTEND_TIMEOUT_USEC while workers start that take their time")
def extend(case: Case) -> None:
    manager, _ = started(case, "ready=1.5")
    at, _ = manager.hears("READY=1")
    expect(any("EXTEND_TIMEOUT_USEC" in each.fields for each in manager.messages[:at]), f"{manager.messages}")


@check("an upgrade: RELOADING=1, READY=1, MAINPID unchanged; no STOPPING=1")
def upgrade(case: Case) -> None:
    installed(case)
    manager, master = started(case)
    number, _ = manager.hears("READY=1")
    upgraded(case, master)
    number, _ = manager.hears("RELOADING=1", since=number + 1)
    _, message = manager.hears("READY=1", since=number + 1)
    expect(message.fields.get("MAINPID", str(master.pid)) == str(master.pid), f"{message}")
    expect(not [each for each in manager.take() if "STOPPING=1" in each.lines], f"{manager.messages}")


@check("a child's STATUS and READY do not go to the master's manager")
def apart(case: Case) -> None:
    manager, master = started(case)
    number, _ = manager.hears("READY=1")
    case.order(case.met("web")["pid"], "notify", "READY=1\nSTATUS=mine\nSTOPPING=1")
    # What the master says itself comes behind whatever it hands on.
    master.send(signal.SIGHUP)
    later, _ = manager.hears("RELOADING=1", since=number + 1)
    expect(later == number + 1, f"{manager.messages[number + 1:]}")


@check("WATCHDOG_USEC: the master beats in time")
def watchdog(case: Case) -> None:
    manager = Manager(case.path("notify"))
    case.configure(section("worker", "web"))
    case.start(env={**manager.environment, "WATCHDOG_USEC": "200000"})
    beats = eventually(lambda: [each for each in manager.take() if "WATCHDOG=1" in each.lines][3:], 5)
    expect(beats, f"{manager.messages}")
    moments = [each.moment for each in manager.messages if "WATCHDOG=1" in each.lines]
    expect(max(later - earlier for earlier, later in zip(moments, moments[1:])) < 0.4, f"{moments}")


@check("listeners are stored with FDSTORE=1 and FDNAME")
def stores(case: Case) -> None:
    manager, master = started(case)
    stored = eventually(manager.stored, 5)
    expect(stored, f"nothing is stored: {manager.messages}")
    numbers = [number for each in stored.values() for number in each]
    names = {socket.socket(fileno=os.dup(number)).getsockname() for number in numbers}
    expect(("127.0.0.1", port_of(master)) in names, f"{names}")


def taken_over(case: Case, kind: str) -> None:
    """Kills a master whose listeners are stored, and starts another with them, as systemd does."""
    port = free_port()
    manager = Manager(case.path("notify"))
    if kind == "masterd":
        case.configure(f"listen l\n    bind 127.0.0.1:{port}\n    bind unix:{case.path('socket')}\n",
                       section("worker", "web", case.worker("web"), "readiness notify", "listen l"))
        first = case.start(env=manager.environment)
    else:
        first = case.start_workers(2, "-b", f"127.0.0.1:{port}", env=manager.environment)
    stored = eventually(manager.stored, 5)
    expect(stored, f"nothing is stored: {manager.messages}")
    children = first.offspring()
    first.send(9)
    first.ends(-9)
    expect(eventually(lambda: not [pid for pid in children if processes.alive(pid)]), "its workers live on")
    client = connect(("127.0.0.1", port))      # waits in the queue of the socket that nobody serves
    pairs = [(name, number) for name, numbers in stored.items() for number in numbers]
    words = ["/usr/bin/env", "python3", "-I", "-S", os.path.join(WORKERS, "activate.py"),
             *(f"{name}={number}" for name, number in pairs), "--"]
    arguments = {"wrapper": words, "env": manager.environment, "pass_fds": [number for _, number in pairs]}
    case.log_file = case.path("log2")
    if kind == "masterd":
        second = case.start(**arguments)
    else:
        second = case.start_workers(2, "-b", f"127.0.0.1:{port}", **arguments)
    if kind == "masterd":
        client.settimeout(5)
        expect(client.recv(100).split()[0] == b"1", "the client that waited is not served")
        expect(ask(case.path("socket"))[1] == second.only("web"), "the Unix listener is another one")
    else:
        client.sendall(b"hello")
        client.settimeout(5)
        expect(client.recv(5) == b"hello", "the client that waited is not served")
        expect(echoes(port), "nobody echoes")
    client.close()
    manager.close()
    second.stop()
    case.expect_nothing_left()


@check("a masterd after kill -9 takes the stored listeners over: who waited meanwhile is served, nothing is bound")
def masterd_again(case: Case) -> None:
    taken_over(case, "masterd")


@check("an echod --workers after kill -9 takes the stored listeners over: who waited meanwhile is served")
def workers_again(case: Case) -> None:
    taken_over(case, "--workers")


@check("a listener that is gone after a reload is removed from the store")
def removed(case: Case) -> None:
    manager, master = started(case, port=free_port())
    expect(eventually(manager.stored, 5), f"nothing is stored: {manager.messages}")
    before = set(manager.stored())
    case.configure(section("worker", "web", case.worker("web"), "readiness notify"))
    master.reload()
    expect(eventually(lambda: set(manager.stored()) < before or not manager.stored(), 3), f"{manager.stored()}")


@check("what is stored is taken over even where the configuration has changed: what it does not name is closed")
def changed(case: Case) -> None:
    manager = Manager(case.path("notify"))
    sock = socket.create_server(("127.0.0.1", 0))
    port = sock.getsockname()[1]
    case.configure(section("worker", "web", case.worker("web"), "readiness notify"))
    words = ["/usr/bin/env", "python3", "-I", "-S", os.path.join(WORKERS, "activate.py"), f"l={sock.fileno()}", "--"]
    master = case.start(wrapper=words, env=manager.environment, pass_fds=[sock.fileno()])
    sock.close()
    gone = eventually(lambda: not any(each.startswith("socket:") and _listens(port)
                                      for each in processes.open_files(master.pid).values()))
    expect(gone, f"the port {port} still listens")
    expect(sorted(case.met("web")["descriptors"]) == ["0", "1", "2"], f"{case.met('web')['descriptors']}")


def _listens(port: int) -> bool:
    with open("/proc/net/tcp", encoding="utf-8") as file:
        return any(f":{port:04X} " in line.split()[1] + " " and line.split()[3] == "0A" for line in list(file)[1:])


@check("socket activation: listeners from systemd's socket unit, found by address, serve the section that binds them")
def activation(case: Case) -> None:
    sock = socket.create_server(("127.0.0.1", 0))
    port = sock.getsockname()[1]
    case.configure(f"listen l\n    bind 127.0.0.1:{port}\n",
                   section("worker", "web", case.worker("web"), "readiness notify", "listen l"))
    words = ["/usr/bin/env", "python3", "-I", "-S", os.path.join(WORKERS, "activate.py"), f"x={sock.fileno()}", "--"]
    case.start(wrapper=words, pass_fds=[sock.fileno()])
    sock.close()
    expect(ask(("127.0.0.1", port))[0] == 1, "no answer")


@check("a broken NOTIFY_SOCKET does no harm")
def no_manager(case: Case) -> None:
    case.configure(section("worker", "web"))
    master = case.start(env={"NOTIFY_SOCKET": case.path("nowhere")})
    master.reload()
    master.stop()


@check("a manager that does not read is not waited for")
def deaf_manager(case: Case) -> None:
    manager = Manager(case.path("notify"))
    case.configure(section("worker", "web"))
    master = case.start(env=manager.environment)
    for _ in range(200):
        master.reload(seconds=PATIENCE)
    master.stop()
    manager.close()
