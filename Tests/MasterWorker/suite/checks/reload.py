"""The reload: by signal and by command, good and bad."""

import os
import signal
import time

from harness import processes
from harness.checks import check, expect
from harness.clients import ask
from harness.ports import free_port
from harness.processes import eventually
from ..case import Case, section
from ..clients import port_of, serves
from ..master import Master

WAYS = {
    "HUP": lambda master: master.send(signal.SIGHUP),
    "USR2": lambda master: master.send(signal.SIGUSR2),
    "the command reload": lambda master: master.ask("reload"),
    "the command hard-reload": lambda master: master.ask("hard-reload"),
}


def serving(case: Case, *lines: str, settings=()) -> Master:
    """One worker of ours behind a free port, ready by notification."""
    configure(case, "web", *lines, settings=settings)
    return case.start()


def configure(case: Case, name: str, *lines: str, behaviour=(), settings=()) -> None:
    case.configure("listen l\n    bind 127.0.0.1:0\n",
                   section("worker", "web", case.worker(name, *behaviour), "listen l", "readiness notify", *lines),
                   settings=settings)


def good(name: str) -> None:
    @check(f"by {name}: a new generation serves on the same socket, the old one ends; the master stays")
    def run(case: Case) -> None:
        master = serving(case)
        port, old = port_of(master), case.met("web")["pid"]
        WAYS[name](master)
        new = case.met("web", 2)
        expect(new["generation"] == 2, f"generation {new['generation']}")
        expect(eventually(lambda: not processes.alive(old)), "the old worker lives on")
        expect(ask(("127.0.0.1", port)) == (2, new["pid"]), "somebody else answers")
        master.wait(lambda: len(master.children()) == 1, "one child")
        expect(master.table().master.reloads == "1", f"reloads {master.table().master.reloads}")


for each in WAYS:
    good(each)


@check("the old one is told to stop only when the new one is ready")
def order(case: Case) -> None:
    master = serving(case)
    old = case.met("web")["pid"]
    configure(case, "new", behaviour=[f"gate={case.path('gate')}"])
    master.send(signal.SIGUSR2)
    new = case.met("new")["pid"]
    master.wait(lambda: new in [each.pid for each in master.children()], "that the master knows the new one")
    expect(not case.events(old, "TERM") and not case.events(old, "USR1"), f"the old one got {case.events(old)}")
    case.touch("gate")
    expect(eventually(lambda: not processes.alive(old)), "the old one lives on")
    expect(case.moment(new, "ready") < min(case.moment(old, each) for each in case.events(old) if each in
                                           ("TERM", "USR1")), "the old one was told before")


@check("the answer comes within 5 ms of readiness (the median of nine; 30 ms on a busy machine)")
def answer_in_time(case: Case) -> None:
    master = serving(case)
    delays = []
    for number in range(2, 11):
        master.reload()
        answered = time.monotonic()
        delays.append(answered - case.moment(case.met("web", number)["pid"], "ready"))
    delays.sort()
    case.note(f"median {delays[4] * 1000:.1f} ms")
    expect(delays[4] < 0.03, f"median {delays[4] * 1000:.1f} ms")


@check("the answer is Success=1, --, and the log of the attempt; show startup-logs has the same")
def answer(case: Case) -> None:
    master = serving(case)
    log = master.reload()
    expect(str(master.only("web")) in log, f"the log {log!r} does not name the new worker")
    # What happened to the old generation afterwards may follow.
    expect(master.ask("show startup-logs").startswith(log.rstrip("\n")), "show startup-logs differs")


@check("hard-reload: the old ones get TERM at once, whatever their stop-signal; a reload keeps to it")
def hard(case: Case) -> None:
    master = serving(case, "stop-signal USR1")
    first = case.met("web")["pid"]
    master.reload()
    case.happens(first, "USR1")
    second = case.met("web", 2)["pid"]
    master.reload("hard-reload")
    case.happens(second, "TERM", seconds=2)
    expect(not case.events(first, "TERM") and not case.events(second, "USR1"), f"{case.events(first)}")


@check("a program with start-on-reload (the default) is replaced, one without gets no signal at all")
def programs(case: Case) -> None:
    notify = "readiness notify"
    case.configure(section("worker", "web"), section("program", "new", case.worker("new"), notify),
                   section("program", "kept", case.worker("kept"), "no option start-on-reload", notify))
    master = case.start()
    kept, new = case.met("kept")["pid"], case.met("new")["pid"]
    for _ in range(3):
        master.reload()
    expect(master.only("kept") == kept and case.events(kept) == ["ready"], f"kept: {case.events(kept)}")
    expect(master.only("new") != new, "the other program was not replaced")
    expect(len(case.facts("new")) == 4, f"{len(case.facts('new'))} of the other")


@check("reload-signal, on-reload signal and restart do what they say")
def on_reload(case: Case) -> None:
    lines = {"a": "reload-signal USR2", "b": "on-reload signal HUP", "c": "on-reload restart", "d": "on-reload keep"}
    case.configure(section("worker", "web"), *(
        section("program", name, case.worker(name), line, "readiness notify") for name, line in lines.items()))
    master = case.start()
    pids = {name: case.met(name)["pid"] for name in "abcd"}
    master.reload()
    case.happens(pids["a"], "USR2")
    case.happens(pids["b"], "HUP")
    case.met("c", 2)
    expect(eventually(lambda: not processes.alive(pids["c"])), "the restarted one's old process lives on")
    expect([master.only(name) == pids[name] for name in "abd"] == [True] * 3, f"{master.children()}")
    expect(case.events(pids["d"]) == ["ready"], f"d got {case.events(pids['d'])}")


@check("a service that is new starts, one that is gone ends")
def changes(case: Case) -> None:
    case.configure(section("worker", "web"), section("program", "gone", case.worker("gone"), "readiness notify"))
    master = case.start()
    gone = case.met("gone")["pid"]
    case.configure(section("worker", "web"), section("program", "new", case.worker("new"), "readiness notify"))
    master.reload()
    expect(eventually(lambda: not processes.alive(gone)), "what is gone lives on")
    expect(master.only("new") == case.met("new")["pid"], f"{master.children()}")


@check("a new listener is bound, one that is no longer needed is unbound and its file removed")
def listeners(case: Case) -> None:
    ports = [free_port(), free_port()]
    path = case.path("socket")

    def configuration(*binds: str) -> None:
        case.configure("listen l\n" + "".join(f"    bind {each}\n" for each in binds),
                       section("worker", "web", case.worker("web"), "listen l", "readiness notify"))
    configuration(f"127.0.0.1:{ports[0]}", f"unix:{path}")
    master = case.start()
    configuration(f"127.0.0.1:{ports[0]}", f"127.0.0.1:{ports[1]}")
    master.reload()
    expect(eventually(lambda: ask(("127.0.0.1", ports[1]))[0] == 2), "the new one does not answer")
    expect(eventually(lambda: ask(("127.0.0.1", ports[0]))[0] == 2), "the kept one does not answer")
    expect(not os.path.exists(path), "the file of the old one is left")
    configuration(f"127.0.0.1:{ports[1]}")
    master.reload()
    expect(eventually(lambda: not serves(("127.0.0.1", ports[0]))), "what is gone still listens")


@check("bind unix:@NAME is a socket without a file, over reloads; another bind of it is refused; gone with its line")
def abstract(case: Case) -> None:
    name = f"masterd-{os.getpid()}-{os.path.basename(case.path())}"

    def configure(*binds: str) -> None:
        case.configure("listen l\n" + "".join(f"    bind {bind}\n" for bind in binds),
                       section("worker", "web", case.worker("web"), "readiness notify", "listen l"))
    configure("127.0.0.1:0", f"unix:@{name}")
    master = case.start()
    master.says(f"listening on unix:@{name}\n")
    expect(case.met("web")["environment"]["SERVER_STARTER_PORT"].endswith(f";unix:@{name}=4"), "another variable")
    expect(ask("\0" + name)[0] == 1, "it does not answer")
    master.reload()
    expect(eventually(lambda: ask("\0" + name)[0] == 2), "the second one does not answer")
    expect(not [file for file in os.listdir(case.path()) if name in file], f"{os.listdir(case.path())}")
    configure("127.0.0.1:0", f"unix:@{name}", f"unix:@{name}")
    master.refuses()
    configure("127.0.0.1:0")
    master.reload()
    expect(eventually(lambda: not serves("\0" + name)), "it is still there")
