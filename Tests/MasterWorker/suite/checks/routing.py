"""Commands to the workers, through the master's control socket; and the socket's limits."""

import os
import re
import resource
import time

from harness import processes
from harness.checks import check, expect, needs_root
from harness.moments import meanwhile
from harness.processes import eventually
from .. import control
from ..case import Case, section
from ..clients import Echo, port_of
from ..master import Master
from .control import started

def daemon_with_workers(case: Case) -> Master:
    return case.start_workers(2)


@check("@1 show info and @2 show info are answered by the current workers in order, with their pids")
def at_number(case: Case) -> None:
    master = daemon_with_workers(case)
    pids = [row.pid for row in master.table()["workers"]]
    for number, pid in enumerate(pids, 1):
        answer = master.ask(f"@{number} show info")
        expect(re.search(rf"\b{pid}\b", answer), f"@{number}: {answer}")


@check("@!PID reaches any child, an old one too")
def at_pid(case: Case) -> None:
    master = daemon_with_workers(case)
    old = master.current()[0]
    expect(re.search(rf"\b{old}\b", master.ask(f"@!{old} show info")), master.ask(f"@!{old} show info"))
    clients = [Echo(port_of(master)) for _ in range(8)]
    for each in clients:
        expect(each.says(), "no echo")
    master.reload()
    # One that has no client may end meanwhile.
    answers = [(row.pid, master.ask(f"@!{row.pid} show info")) for row in master.table()["old workers"]]
    expect(any(re.search(rf"\b{pid}\b", answer) and "target" not in answer for pid, answer in answers), f"{answers}")
    for each in clients:
        each.sock.close()


@check("@master and @0 are the master, @NAME is a worker of that service")
def at_master(case: Case) -> None:
    master = daemon_with_workers(case)
    for target in ("@master", "@0"):
        expect("#<PID>" in master.ask(f"{target} show proc"), f"{target}: {master.ask(f'{target} show proc')}")
    answer = master.ask("@worker show info")
    expect(any(str(pid) in answer for pid in master.current()), answer)


@check("a target that is not there: Can't find the target PID matching the prefix '@9'")
def no_target(case: Case) -> None:
    master = daemon_with_workers(case)
    for target in ("@9", "@nobody", "@!1"):
        expect(f"Can't find the target PID matching the prefix '{target}'" in master.ask(f"{target} show info"),
               master.ask(f"{target} show info"))


@check("a target alone is the new one of the session: the prompt is its pid; @master comes back")
def new_target(case: Case) -> None:
    master = daemon_with_workers(case)
    pid = master.table()["workers"][0].pid
    with master.session() as one:
        one.say("@1")
        expect(one.prompt == f"{pid}> ", f"{one.prompt!r}")
        expect(re.search(rf"\b{pid}\b", one.say("show info")), "the worker does not answer")
        one.say("@master show version")
        expect(one.prompt == f"{pid}> ", f"{one.prompt!r} after @master with a command")
        one.say("@master")
        expect(one.prompt == "master> ", f"{one.prompt!r}")


@check("a worker's built-in commands: show info, show env, show fds, set log level, help")
def worker_commands(case: Case) -> None:
    master = daemon_with_workers(case)
    expect("PATH=" in master.ask("@1 show env"), master.ask("@1 show env"))
    expect(re.search(r"\d", master.ask("@1 show fds")), master.ask("@1 show fds"))
    expect("nknown" not in master.ask("@1 set log level debug"), master.ask("@1 set log level debug"))
    expect("show info" in master.ask("@1 help"), master.ask("@1 help"))
    expect("nknown command" in master.ask("@1 nonsense"), master.ask("@1 nonsense"))


@check("a command to a worker that hangs, or dies, keeps nobody else waiting and is answered in the end")
def hung_worker(case: Case) -> None:
    master = daemon_with_workers(case)
    pid = master.table()["workers"][0].pid
    with master.session() as one:
        processes.kill(pid, 19)
        one.send("@1 show info\n")
        begin = time.monotonic()
        expect(master.answers() and time.monotonic() - begin < 1, "others wait")
        processes.kill(pid, 9)
        expect(one.answer(), "an empty answer")
    master.wait(lambda: len(master.current()) == 2 and pid not in master.current(), "another worker")


@check("masterd, channel yes: @1 show info is answered by a DaemonKit daemon; without it, the error says so")
def channel(case: Case) -> None:
    case.configure("listen l\n    bind 127.0.0.1:0\n", section(
        "worker", "web", f"{case.echod} -f --log-file -", "listen l", "readiness notify", "channel yes"))
    master = case.start()
    expect(str(master.only("web")) in master.ask("@1 show info"), master.ask("@1 show info"))
    expect(str(master.only("web")) in master.ask("@web show info"), master.ask("@web show info"))
    case.configure(section("worker", "web"))
    master.reload()
    expect(master.ask("@1 show info").strip(), "an empty answer")


@check("the levels hold for workers too: show env is not a user's")
def worker_levels(case: Case) -> None:
    master = daemon_with_workers(case)
    with master.session() as one:
        one.say("user")
        expect(one.say("@1 show info").strip(), "a user may not look")
        expect("Permission denied!" in one.say("@1 set log level debug"), "a user may change the log level")


# Limits

@check("1000 idle sessions, and one more is served; all of them live and answer", slow=True)
def many(case: Case) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(4096, hard), hard))
    master = started(case)
    sessions = [control.connect(master.socket) for _ in range(1000)]
    expect(master.answers(), "one more is not served")
    for each in sessions:
        each.sendall(b"show version\n")
    for each in sessions:
        expect(each.recv(100)[:1].isdigit(), "an idle one was ended")
        each.close()
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


@check("a client that stops reading is dropped, and nobody waits for it")
def deaf_client(case: Case) -> None:
    master = started(case)
    with control.connect(master.socket) as sock:
        sock.sendall(b"prompt\n")
        sock.setblocking(False)
        deadline = time.monotonic() + 20
        dropped = False
        while not dropped and time.monotonic() < deadline:
            try:
                sock.send(b"help;help;help;help;help;help;help;help\n" * 20)
            except BlockingIOError:
                begin = time.monotonic()
                master.ask("show version")
                expect(time.monotonic() - begin < 1, "another client waited")
                try:
                    if processes.alive(master.pid) and not sock.getpeername():
                        dropped = True
                except OSError:
                    dropped = True
                meanwhile(0.01)
            except OSError:
                dropped = True
        case.note("dropped" if dropped else "not dropped, held back")
    rss = int(processes.status(master.pid)["VmRSS"].split()[0])
    expect(rss < 128 * 1024, f"the master has {rss} KiB")
    expect(master.answers(), "no answer")


@check("clients that break off in the middle of a command, or of a reload, do no harm")
def broken_off(case: Case) -> None:
    master = started(case)
    before = len(processes.open_files(master.pid))
    for data in (b"show ver", b"reload\n", b"echo <<END\nabc", b"prompt\n", b""):
        for _ in range(5):
            with control.connect(master.socket) as sock:
                sock.sendall(data)
    master.reload()
    expect(eventually(lambda: len(processes.open_files(master.pid)) <= before), f"{processes.open_files(master.pid)}")


@check("the socket has the mode 600; another user is refused, even where the file's mode lets him in")
def other_user(case: Case) -> None:
    needs_root()
    master = started(case)
    expect(os.stat(case.control).st_mode & 0o777 == 0o600, f"{os.stat(case.control).st_mode:o}")
    client = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "/usr/bin/python3", "-I", "-S", "-c",
              "import socket, sys\ns = socket.socket(socket.AF_UNIX)\ns.settimeout(3)\ns.connect(sys.argv[1])\n"
              "s.sendall(b'show version\\n')\nprint(s.recv(1000).decode())\n", case.control]
    outcome = case.run(*client[1:], program=client[0])
    expect(outcome.code != 0 and not outcome.out.strip(), str(outcome))
    os.chmod(case.control, 0o666)
    outcome = case.run(*client[1:], program=client[0])
    expect(not outcome.out.strip(), str(outcome))
    expect(master.answers(), "root is refused")
