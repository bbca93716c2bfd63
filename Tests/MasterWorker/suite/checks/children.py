"""What a child gets: environment, descriptors, group, signals, user, output; and nothing else."""

import os
import re
import signal
import time

from harness import processes
from harness.checks import check, expect, needs_root, read
from harness.ports import free_port
from harness.processes import eventually
from ..case import Case, section
from ..manager import Manager

INTERNAL = re.compile(r"DAEMONKIT_(?!GENERATION$)|WATCHDOG_|LISTEN_|SERVER_STARTER_|EINHORN_|HAPROXY_|INVOCATION_ID")
HERITAGE = {"DAEMONKIT_STATE": "9", "DAEMONKIT_INVOCATION": "6", "DAEMONKIT_PROOF": "8", "DAEMONKIT_WORKER": "1 7",
            "WATCHDOG_USEC": "1000000", "WATCHDOG_PID": "1", "FDSTORE": "7", "SERVER_STARTER_GENERATION": "7"}


def web(case: Case, *lines: str, settings=(), binds="127.0.0.1:0", **arguments) -> dict:
    """Starts one worker of ours with a listener; what it found."""
    case.configure(f"listen l\n    bind {binds}\n",
                   section("worker", "web", case.worker("web"), "readiness notify", "listen l", *lines),
                   settings=settings)
    case.start(**arguments)
    return case.met("web")


@check("LISTEN_FDS, LISTEN_PID and LISTEN_FDNAMES name its sockets, which begin at 3, in the order of the file")
def listen(case: Case) -> None:
    path = case.path("a.sock")
    case.configure(f"listen one\n    bind 127.0.0.1:0\n    bind unix:{path}\n", "listen two\n    bind 127.0.0.1:0\n",
                   section("worker", "web", case.worker("web"), "readiness notify", "listen two", "listen one"))
    case.start()
    facts = case.met("web")
    variables = facts["environment"]
    expect(variables.get("LISTEN_FDS") == "3" and variables.get("LISTEN_PID") == str(facts["pid"]), f"{variables}")
    expect(variables.get("LISTEN_FDNAMES") == "two:one:one", f"{variables.get('LISTEN_FDNAMES')}")
    expect(sorted(facts["descriptors"]) == ["0", "1", "2", "3", "4", "5"], f"{facts['descriptors']}")
    with open("/proc/net/unix", encoding="utf-8") as file:
        inode = next(line.split()[6] for line in file if line.rstrip().endswith(path))
    expect(facts["descriptors"]["5"] == f"socket:[{inode}]", f"{facts['descriptors']}, the file's is {inode}")


@check("SERVER_STARTER_PORT names the same sockets with their addresses, SERVER_STARTER_GENERATION counts")
def server_starter(case: Case) -> None:
    port = free_port()
    variables = web(case, binds=f"127.0.0.1:{port}")["environment"]
    expect(variables.get("SERVER_STARTER_PORT") == f"127.0.0.1:{port}=3", f"{variables.get('SERVER_STARTER_PORT')}")
    expect(variables.get("SERVER_STARTER_GENERATION") == "1", f"{variables}")


@check("NOTIFY_SOCKET is the master's own, DAEMONKIT_GENERATION grows with each reload")
def generation(case: Case) -> None:
    manager = Manager(case.path("notify"))
    facts = web(case, env=manager.environment)
    master = case.running[0]
    expect(facts["environment"].get("NOTIFY_SOCKET") not in (None, manager.path), f"{facts['environment']}")
    expect(facts["environment"].get("DAEMONKIT_GENERATION") == "1", f"{facts['environment']}")
    master.reload()
    expect(case.met("web", 2)["environment"].get("DAEMONKIT_GENERATION") == "2", "the generation does not grow")
    manager.close()


@check("nothing internal, and nothing that was meant for the master: a child without sockets has no LISTEN_ at all")
def nothing_internal(case: Case) -> None:
    case.configure(section("program", "p", case.worker("p"), "readiness notify"))
    case.start(env={**HERITAGE, "MINE": "yes"})
    variables = case.met("p")["environment"]
    # What it starts is known by it, should the master be killed.
    expect(variables.pop("DAEMONKIT_INVOCATION", "") != HERITAGE.get("DAEMONKIT_INVOCATION"), "the master's own")
    found = [name for name in variables if INTERNAL.match(name)]
    expect(not found, f"{found}")
    expect(variables.get("MINE") == "yes", "an ordinary variable is missing")


@check("a child's environment is the same after a reload and after many: only what is its own differs")
def same_environment(case: Case) -> None:
    first = dict(web(case)["environment"])
    for number in range(2, 5):
        case.running[0].reload()
        case.met("web", number)
    last = dict(case.met("web", 4)["environment"])
    for each in (first, last):
        for name in ("DAEMONKIT_GENERATION", "SERVER_STARTER_GENERATION", "LISTEN_PID", "NOTIFY_SOCKET"):
            each.pop(name, None)
    expect(first == last, f"{set(first.items()) ^ set(last.items())}")


@check("descriptors: 0 to 2 and the declared ones only, although the master inherited others")
def descriptors(case: Case) -> None:
    reader, writer = os.pipe()
    facts = web(case, pass_fds=(reader, writer))
    expect(sorted(facts["descriptors"]) == ["0", "1", "2", "3"], f"{facts['descriptors']}")
    expect(facts["descriptors"]["0"] == "/dev/null", f"{facts['descriptors']}")
    os.close(reader)
    os.close(writer)


@check("descriptors of a child without listeners, with others that have some: 0 to 2")
def no_descriptors(case: Case) -> None:
    case.configure("listen l\n    bind 127.0.0.1:0\n", section("worker", "web", "sleep 1000", "listen l"),
                   section("program", "p", case.worker("p"), "readiness notify"))
    master = case.start()
    with master.session():
        master.reload()
        facts = case.met("p", 2)
    expect(sorted(facts["descriptors"]) == ["0", "1", "2"], f"{facts['descriptors']}")


@check("a listener is blocking, with close-on-exec off; a child that closes or changes it does no harm to the next")
def listener(case: Case) -> None:
    case.configure("listen l\n    bind 127.0.0.1:0\n", section(
        "worker", "web", f"sh -c 'cat /proc/self/fdinfo/3 >{case.path('info')}; exec sleep 1000'", "listen l"))
    master = case.start()
    info = master.wait(lambda: "flags" in read(case.path("info")) and read(case.path("info")), "the descriptor's flags")
    flags = int(re.search(r"flags:\s*(\d+)", info)[1], 8)
    expect(not flags & os.O_NONBLOCK, f"it does not block: {flags:o}")


@check("its own process group, the master's session")
def group(case: Case) -> None:
    facts = web(case)
    expect(facts["group"] == facts["pid"], f"group {facts['group']} of {facts['pid']}")
    expect(facts["session"] in (os.getsid(case.running[0].pid), facts["pid"]), f"{facts['session']}")


@check("signals: nothing ignored or blocked, although the master was started with HUP ignored and USR1 blocked")
def signals(case: Case) -> None:
    case.configure(section("program", "plain", case.fixture("facts.sh", case.path("facts"))))

    def before() -> None:
        signal.signal(signal.SIGHUP, signal.SIG_IGN)
        signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGUSR1, signal.SIGTERM, signal.SIGRTMIN])
    master = case.start(preexec_fn=before)
    text = master.wait(lambda: read(case.path("facts")), "the child's facts")
    for name in ("SigBlk", "SigIgn", "ShdPnd"):
        value = re.search(rf"{name}:\t([0-9a-f]+)", text)[1]
        expect(int(value, 16) == 0, f"{name} is {value}")


@check("user, group and no other groups")
def user(case: Case) -> None:
    needs_root()
    case.configure(section("program", "p", case.fixture("facts.sh", case.path("records", "facts")), "user nobody",
                           "group nogroup"))
    master = case.start()
    text = master.wait(lambda: read(case.path("records", "facts")), "the child's facts")
    for name, number in (("Uid", 65534), ("Gid", 65534)):
        numbers = re.search(rf"{name}:\t(.*)", text)[1].split()
        expect(numbers == [str(number)] * 4, f"{name} {numbers}")
    groups = re.search(r"Groups:\t?(.*)", text)[1].split()
    expect("0" not in groups, f"groups {groups}")


@check("user without group: the user's own group")
def user_only(case: Case) -> None:
    needs_root()
    case.configure(section("program", "p", case.fixture("facts.sh", case.path("records", "facts")), "user nobody"))
    master = case.start()
    text = master.wait(lambda: read(case.path("records", "facts")), "the child's facts")
    expect(re.search(r"Gid:\t(.*)", text)[1].split() == ["65534"] * 4, "the group is another one")


@check("a child of another user may say READY, too")
def user_ready(case: Case) -> None:
    needs_root()
    script = case.script("ready", "systemd-notify --ready; exec sleep 1000")
    case.configure(section("program", "p", script, "user nobody", "readiness notify"), settings=["start-timeout 3s"])
    case.start()


@check("umask: its own, else the master's")
def umask(case: Case) -> None:
    case.configure(section("program", "a", case.worker("a"), "readiness notify", "umask 027"),
                   section("program", "b", case.worker("b"), "readiness notify"))
    case.start(umask=0o022)
    expect(case.met("a")["umask"] == 0o027, f"{case.met('a')['umask']:o}")
    expect(case.met("b")["umask"] == 0o022, f"{case.met('b')['umask']:o}")


@check("chdir: its own directory; a relative command counts from it")
def chdir(case: Case) -> None:
    os.mkdir(case.path("there"))
    case.write("there/run", f"#!/bin/sh\npwd >{case.path('said')}\nexec sleep 1000\n", 0o755)
    case.configure(section("program", "a", "./run", f"chdir {case.path('there')}"))
    master = case.start()
    said = master.wait(lambda: read(case.path("said")), "the directory")
    expect(said == f"{case.path('there')}\n", f"{said!r}")


@check("setenv of a service is for it alone")
def setenv(case: Case) -> None:
    case.configure(section("program", "a", case.worker("a"), "readiness notify", 'setenv X "one two"'),
                   section("program", "b", case.worker("b"), "readiness notify"))
    case.start()
    expect(case.met("a")["environment"].get("X") == "one two", "it has not got it")
    expect("X" not in case.met("b")["environment"], "another has it too")


@check("a command is looked up in PATH")
def path(case: Case) -> None:
    case.script("bin/mine", f"echo here >{case.path('said')}; exec sleep 1000")
    case.configure(section("program", "a", "mine"))
    master = case.start(env={"PATH": f"{case.path('bin')}:{os.environ['PATH']}"})
    master.wait(lambda: read(case.path("said")), "the command")


# Output

@check("log prefix: standard output and error come line by line into the master's log, under the service's name")
def prefix(case: Case) -> None:
    case.configure(section("program", "talk", case.worker("talk", "say=hello"), "readiness notify", "log prefix"))
    master = case.start()
    master.says(r"talk.*: hello 1 out\n")
    master.says(r"talk.*: hello 1 err\n")


@check("log prefix: a last line without its end is not lost when the child dies; a very long one is cut, not lost")
def last_line(case: Case) -> None:
    case.configure(section("program", "talk", case.worker("talk"), "readiness notify", "critical no", "log prefix"))
    master = case.start()
    pid = case.met("talk")["pid"]
    case.order(pid, "print", 1, "x" * 30000 + "\n")
    whole = eventually(lambda: sum(map(len, re.findall(r"x{50,}", master.log))) == 30000, 3)
    expect(whole, f"of 30000 bytes there are {[len(each) for each in re.findall(r'x{50,}', master.log)]}")
    case.order(pid, "print", 1, "the last words")
    case.order(pid, "exit", 0)
    master.says("the last words")


@check("log prefix: a child that prints without end keeps the master responsive, and a stop still stops", slow=True)
def flood(case: Case) -> None:
    case.configure(section("program", "flood", "yes floodfloodflood", "log prefix"), section("worker", "web"))
    master = case.start()
    slowest = 0.0
    for _ in range(3):
        begin = time.monotonic()
        master.ask("show proc")
        slowest = max(slowest, time.monotonic() - begin)
        expect(slowest < 3, f"an answer took {slowest:.1f} s")
    case.note(f"slowest answer {slowest * 1000:.0f} ms")
    master.stop()


@check("log prefix: bytes that are no text, and control characters, leave a line a line")
def binary(case: Case) -> None:
    script = case.script("p", r"printf 'a\033[31mb\rc\377d\n'; exec sleep 1000")
    case.configure(section("program", "p", script, "log prefix"))
    master = case.start()
    master.says("p: a")
    with open(case.log_file, "rb") as file:
        data = file.read()
    expect(b"\033" not in data and b"\r" not in data, "control characters are in the log")


@check("log file PATH: into that file, each line once")
def own_file(case: Case) -> None:
    path = case.path("own")
    case.configure(section("program", "talk", case.worker("talk", "say=hello"), "readiness notify", f"log file {path}"))
    master = case.start()
    expect(eventually(lambda: read(path) == "hello 1 out\nhello 1 err\n"), f"{read(path)!r}")
    expect("hello 1 out" not in master.log, "it is in the master's log too")


@check("log command TEXT: both outputs into one command of the shell, which gets its end of file at the end")
def own_command(case: Case) -> None:
    path = case.path("own")
    command = f"log command 'cat >>{path}; echo over >>{path}'"
    case.configure(section("program", "talk", case.worker("talk", "say=hello"), "readiness notify", command))
    master = case.start()
    expect(eventually(lambda: read(path) == "hello 1 out\nhello 1 err\n"), f"{read(path)!r}")
    expect("hello 1 out" not in master.log, "it is in the master's log too")
    master.reload()
    case.met("talk", 2)
    expect(eventually(lambda: "hello 2 err\n" in read(path)), f"{read(path)!r}")
    master.stop()
    # The master waits for its readers.
    expect(read(path).endswith("hello 2 err\nover\n") and read(path).count("over") == 1, f"{read(path)!r}")


@check("log command TEXT: it is started again when it dies, after an upgrade too, and nothing written meanwhile is lost")
def command_dies(case: Case) -> None:
    path, readers = case.path("own"), case.path("readers")
    command = f"log command 'echo $$ >>{readers}; exec cat >>{path}'"
    case.configure(section("program", "talk", case.worker("talk"), "readiness notify", "on-reload keep", command))
    master = case.start()
    pid = case.met("talk")["pid"]

    def number(count: int) -> int:
        return int(eventually(lambda: read(readers).split()[count - 1:])[0])
    for count in range(1, 4):
        reader = number(count)
        if count == 3:
            master.send(signal.SIGUSR2)
        processes.kill(reader)
        # What it has read is gone with it.
        expect(eventually(lambda: not processes.alive(reader)), "it lives")
        for line in range(20):
            case.order(pid, "print", 1, f"{count}.{line}\n")
    number(4)
    wanted = "".join(f"{count}.{line}\n" for count in range(1, 4) for line in range(20))
    expect(eventually(lambda: read(path) == wanted), f"{read(path)!r}")
    expect(len(read(readers).split()) == 4, f"readers come and go: {read(readers)!r}")


@check("log command TEXT: a reload that takes it away leaves it to the old generation, until that has ended")
def retired_command(case: Case) -> None:
    path, readers = case.path("own"), case.path("readers")
    command = f"log command 'echo $$ >>{readers}; exec cat >>{path}'"
    case.configure(section("program", "talk", case.worker("talk", "ignore=TERM"), "readiness notify", command))
    master = case.start()
    old = case.met("talk")["pid"]
    case.configure(section("program", "talk", case.worker("talk"), "readiness notify"))
    master.reload()
    case.met("talk", 2)

    def says(text: str) -> int:
        case.order(old, "print", 1, text)
        expect(eventually(lambda: text in read(path)), f"{read(path)!r}")
        return int(read(readers).split()[-1])
    first = says("still here\n")
    processes.kill(first)
    expect(eventually(lambda: not processes.alive(first)), "it lives")
    second = says("and again\n")
    expect(processes.alive(second) and second != first, f"{read(readers)!r}")
    processes.kill(old)
    expect(eventually(lambda: not processes.alive(second)), "nobody writes, and it reads")


@check("log inherit: to the master's own output")
def inherit(case: Case) -> None:
    case.configure(section("program", "talk", case.worker("talk", "say=hello"), "readiness notify", "log inherit"))
    master = case.start()
    expect(eventually(lambda: "hello 1 err\n" in read(master.errors)), f"{read(master.errors)!r}")
    said = read(case.path("master-0.out"))
    expect("hello 1 out\n" in said, f"{said!r}")


@check("a child's output pipe is closed with its death: descriptors do not grow with restarts")
def pipes(case: Case) -> None:
    case.configure(section("program", "p", case.worker("p"), "readiness notify", "restart always backoff 5ms 10ms"))
    master = case.start()
    before = len(processes.open_files(master.pid))
    for number in range(1, 11):
        case.happens(case.met("p", number)["pid"], "ready")
        processes.kill(case.met("p", number)["pid"])
    case.met("p", 11)
    expect(eventually(lambda: len(processes.open_files(master.pid)) == before), f"{processes.open_files(master.pid)}")


@check("--workers: what a worker inherits is its listeners, its output and its own channel; nothing of its siblings'")
def workers(case: Case) -> None:
    master = case.start_workers(3)

    def counts() -> set:
        return {len(processes.open_files(pid)) for pid in master.offspring()}
    # Their own ones come soon after READY.
    expect(eventually(lambda: len(counts()) == 1), f"the workers have {counts()} descriptors")
    for pid in master.offspring():
        with open(f"/proc/{pid}/stat", encoding="utf-8") as file:
            expect(int(file.read().split()[4]) == pid, "not its own group")
