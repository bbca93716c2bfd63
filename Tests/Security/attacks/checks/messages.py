"""Kind 3: messages from those who are no child, and messages that come when there is no room."""

import os

from harness import processes
from harness.checks import expect, read
from harness.moments import meanwhile
from harness.processes import eventually
from suite.case import section
from suite.master import Master

from ..arena import MASTERD, MASTERS, PATIENCE, PYTHON, START_SERVER, WORKERS, Arena, variables
from ..notify import LINGER, SAY
from ..registry import attack

KIND = "3 messages"
ROUND = 5 * PATIENCE
"""Seconds for an answer while hundreds of processes start: a round of starts is one turn of the master's loop."""


def notifying(arena: Arena, front_end: str):
    """A master with a notification socket, and the socket's name as its service has it."""
    if front_end == MASTERD:
        program = arena.script("ready", f"exec {PYTHON} -I -S {arena.write('ready.py', READY)}")
        master = arena.serve(front_end, command=program, lines=["readiness notify"])
    elif front_end == START_SERVER:
        program = arena.script("ready", f"exec {PYTHON} -I -S {arena.write('ready.py', READY)}")
        master = arena.serve(front_end, "--readiness=notify", command=program)
    else:
        master = arena.serve(front_end)
    return master, socket_of(master)


READY = SAY + "say('READY=1')\nos.execv('/bin/sleep', ['sleep', '1000'])\n"


def socket_of(master) -> str:
    def find():
        for pid in processes.children(master.pid):
            try:
                name = variables(pid).get("NOTIFY_SOCKET", "")
            except OSError:
                continue
            if name:
                return name
        return ""
    # A worker of ours may have a channel instead, and then there is no such socket.
    return eventually(find, 2)


@attack(KIND, "a stranger's socket that lingers when it is closed freezes nothing", *MASTERS)
def linger(arena: Arena, front_end: str) -> None:
    lingers(arena, front_end, arena.stranger)


@attack(KIND, "the service's own socket that lingers when it is closed freezes nothing", *MASTERS)
def linger_of_service(arena: Arena, front_end: str) -> None:
    lingers(arena, front_end, arena.service)


def lingers(arena: Arena, front_end: str, person) -> None:
    master, name = notifying(arena, front_end)
    sends = ["say('X=1', sys.argv[1], [sock.fileno()])\nsock.close()",
             "outer = nested(sock)\nsay('X=1', sys.argv[1], [outer.fileno()])\nouter.close()",
             "say('FDSTORE=1\\nFDNAME=x', sys.argv[1], [sock.fileno()])\nsock.close()"]
    with arena.probe(master):
        for send in sends if name else []:
            # The peer lives on: its end would be the end of the lingering, too.
            arena.python_as(person, LINGER + f"sock, rest = lingering(20)\n{send}\ntime.sleep(60)", name)
        meanwhile(PATIENCE + 1)    # the length of the attack
        for child in arena.begun:
            child.kill()
    arena.goes_on(master)


@attack(KIND, "a stranger's flood of messages makes no reload fail", *MASTERS, slow=True)
def flood(arena: Arena, front_end: str) -> None:
    master, name = notifying(arena, front_end)
    with arena.probe(master):
        for _ in range(6):
            if name:
                arena.python_as(arena.stranger, SAY + """
sock = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
sock.connect(address(sys.argv[1]))
while True:
    try:
        sock.send(b"STATUS=flood")
    except OSError:
        pass
""", name)
        arena.reload(front_end, master, 15)
        arena.reload(front_end, master, 15)
    for child in arena.begun:
        child.kill()
    arena.goes_on(master)


@attack(KIND, "a stranger's READY=1 makes no service ready", MASTERD, START_SERVER)
def strangers_ready(arena: Arena, front_end: str) -> None:
    ready(arena, front_end, [])


@attack(KIND, "a side-car in another pid namespace says READY=1 for nobody, and stores no descriptor", MASTERD,
        START_SERVER)
def side_car(arena: Arena, front_end: str) -> None:
    """The master is in a pid namespace of its own, from which the sender's pid cannot be named: the kernel says 0."""
    # The shell is process 1 there.
    ready(arena, front_end, ["unshare", "--pid", "--fork", "--kill-child", "--mount-proc", "sh", "-c", "\"$@\"; :",
                             "sh"])


def ready(arena: Arena, front_end: str, wrapper) -> None:
    """The service never says that it is ready, so it must not be; and what it never stored it does not get."""
    arena.configure(section("program", "svc", "sleep 1000", f"user {arena.service.name}", "readiness notify",
                            "critical no", "start-timeout 60s", "restart always"))
    words = {MASTERD: [arena.masterd, "-f", *arena.files, "-c", arena.configuration],
             START_SERVER: [arena.start_server, "--port=127.0.0.1:0", f"--control-socket={arena.control}",
                            "--readiness=notify", "--start-timeout=60", f"--user={arena.service.name}", "--", "sleep",
                            "1000"]}[front_end]
    child = arena.start_as(None, [*wrapper, *words])

    def inner() -> int:
        pid = child.pid
        while pid and not processes.command(pid).startswith(words[0]):
            pid = (processes.children(pid) + [0])[0]
        return pid
    expect(eventually(lambda: inner() and os.path.exists(arena.control)), "no master")
    master = Master(inner(), arena.log_file, arena.control, arena.pid_file)
    arena.running.append(master)
    pid = arena.service_of(master)
    # Before its exec it has the master's own.
    name = eventually(lambda: variables(pid).get("NOTIFY_SOCKET"))
    expect(name, "the service has no notification socket")
    with arena.probe(master):
        said = arena.do_as(arena.stranger, SAY + "own = socket.socket()\nown.bind(('127.0.0.1', 0))\nown.listen()\n"
                           "try:\n say('READY=1', sys.argv[1])\n"
                           " say('FDSTORE=1\\nFDNAME=evil', sys.argv[1], [own.fileno()])\n"
                           "except OSError:\n pass", name)
        expect(not said, f"the attack could not be made: {said}")
        meanwhile(0.5)     # a message that is believed is believed at once
        rows = [row.split() for row in master.ask("show proc").splitlines() if " svc " in row or " worker " in row]
        if front_end == START_SERVER:
            expect(rows and rows[0][-1] != "ready", f"the worker that has said nothing is taken for ready: {rows}")
        else:
            states = [each.state for each in master.children()]
            expect(states and "ready" not in states, f"the service that has said nothing is {states}")
    # What starts next has whatever was stored for it.
    processes.kill(pid)
    started = eventually(lambda: [each for each in processes.children(master.pid) if each != pid], 3)
    for each in started or []:
        expect("evil" not in variables(each).get("LISTEN_FDNAMES", ""), "a stranger's descriptor was stored")
    master.send(15)
    expect(eventually(lambda: child.poll() is not None), "it does not stop")


@attack(KIND, "a sender that exits at once is recognised 25 times of 25", MASTERD, slow=True)
def exits_at_once(arena: Arena, front_end: str) -> None:
    say = arena.write("once.py", SAY + "say('READY=1')\nos._exit(0)\n")
    script = arena.script("once", f"{PYTHON} -I -S {say}; exec sleep 1000")
    master = arena.serve(front_end, command=script, lines=["readiness notify", "instances 25", "start-timeout 40s"],
                         seconds=60)
    count = len([child for child in master.children() if child.state == "ready"])
    expect(count == 25, f"{count} of 25 are ready")
    with arena.probe(master):
        arena.reload(front_end, master, 60)
    arena.goes_on(master)


def in_short_queue(arena: Arena) -> list:
    """A network namespace of its own has the kernel's default queue length."""
    return ["unshare", "--net", "sh", "-c", "ip link set lo up 2>/dev/null; exec \"$@\"", "sh"]


@attack(KIND, "100 workers start and reload where a queue holds 10 messages", WORKERS, slow=True)
def hundred_workers(arena: Arena, front_end: str) -> None:
    words = [arena.echod, "-f", *arena.files, "-b", "127.0.0.1:0", "--workers=100", "-S", arena.control,
             f"--user={arena.service.name}"]
    master = arena.begin([*in_short_queue(arena), *words], True, 90, {})
    expect(len(master.current()) == 100, f"{len(master.current())} of 100 are ready")
    with arena.probe(master, ROUND):
        arena.reload(front_end, master, 120)
    expect(len(master.current()) == 100, f"{len(master.current())} of 100 are ready after the reload")
    arena.goes_on(master)


@attack(KIND, "300 instances that notify start and reload where a queue holds 10 messages", MASTERD, slow=True)
def hundreds_of_instances(arena: Arena, front_end: str) -> None:
    master = arena.serve(front_end, command=f"{arena.echod} -f --log-file - --bind 127.0.0.1:0",
                         lines=["readiness notify", "instances 300", "start-timeout 120s"], seconds=120,
                         wrapper=in_short_queue(arena))
    expect(len(master.current()) == 300, f"{len(master.current())} of 300 are ready")
    with arena.probe(master, ROUND):
        arena.reload(front_end, master, 180)
    expect(len(master.current()) == 300, f"{len(master.current())} of 300 are ready after the reload")
    arena.goes_on(master)


@attack(KIND, "a service in a network namespace of its own is heard", MASTERD, START_SERVER)
def other_network(arena: Arena, front_end: str) -> None:
    """An abstract name would end at the namespace's border."""
    ready = arena.write("ready.py", READY)
    script = arena.script("inside", f"exec unshare --net {PYTHON} -I -S {ready}")
    if front_end == MASTERD:
        master = arena.serve(front_end, command=script, person=None, lines=["readiness notify", "start-timeout 5s"])
    else:
        master = arena.serve(front_end, "--readiness=notify", command=script, person=None)
    expect(eventually(lambda: any("ready" in row.split() for row in master.ask("show proc debug").splitlines()
                                  if row[:1].isdigit() and " master " not in row)),
           f"not ready: {master.ask('show proc debug')}")
    arena.goes_on(master)


@attack(KIND, "a message of whoever may speak for a child hides no hung main process", MASTERD, slow=True)
def hidden_hang(arena: Arena, front_end: str) -> None:
    """The main process is stopped; a helper of it goes on saying WATCHDOG=1."""
    beat = arena.write("beat.py", SAY + "while True:\n say('WATCHDOG=1')\n time.sleep(0.1)\n")
    main = arena.write("main.py", SAY + f"""
import subprocess, signal
say("READY=1")
subprocess.Popen([{PYTHON!r}, "-I", "-S", {beat!r}], start_new_session=True)
open(sys.argv[1], "a").write(f"{{os.getpid()}}\\n")
signal.pause()
""")
    record = os.path.join(arena.records, "main")
    master = arena.serve(front_end, command=f"{PYTHON} -I -S {main} {record}",
                         lines=["readiness notify", "watchdog 1s"])
    with arena.probe(master):
        meanwhile(2.5)     # more than two time-outs of the watchdog
        expect(eventually(lambda: len(read(record).split()) > 1, 3),
               "the main process says nothing, and is not restarted")
    for pid in arena.living():
        if "beat.py" in processes.command(pid):
            processes.kill(pid)
    arena.goes_on(master)
