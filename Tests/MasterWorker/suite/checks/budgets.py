"""What one user of the control socket may take from the others: the master's time and its memory."""

import os
import select
import socket
import subprocess
import sys
import time
from typing import List

from harness import processes
from harness.checks import check, expect, needs_root
from harness.moments import meanwhile
from harness.processes import eventually
from .. import control
from ..case import WORKERS, Case, section
from ..master import Master

LINE = b";".join([b"show metrics"] * 1253) + b"\n"
ATTACK = """
import socket, sys, threading
path, sessions, reads, line = sys.argv[1], int(sys.argv[2]), sys.argv[3] == "read", sys.argv[4].encode() + b"\\n"
done = [0] * sessions
def attack(index):
    sock = socket.socket(socket.AF_UNIX)
    sock.connect(path)
    sock.sendall(line)
    if not reads:
        threading.Event().wait()
    while chunk := sock.recv(1 << 16):
        done[index] += chunk.count(b"# EOF")
for index in range(sessions):
    threading.Thread(target=attack, args=(index,), daemon=True).start()
print("on", flush=True)
for _ in sys.stdin:
    print(sum(done), flush=True)
"""


class Attack:
    """Sessions of somebody who is nobody here, each with a line of 1,253 commands."""

    def __init__(self, path: str, sessions: int, reads: bool, line: bytes = LINE) -> None:
        words = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", sys.executable, "-I", "-S"]
        attack = [ATTACK, path, str(sessions), "read" if reads else "no", line[:-1].decode()]
        self._process = processes.spawn([*words, "-c", *attack],
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1)
        expect(self._process.stdout.readline() == "on\n", "the attack does not start")

    def answered(self) -> int:
        self._process.stdin.write("\n")
        return int(self._process.stdout.readline())

    def __enter__(self) -> "Attack":
        return self

    def __exit__(self, *_) -> None:
        self._process.kill()
        self._process.communicate()


def started(case: Case) -> "tuple[Master, str]":
    needs_root()
    other = case.path("control-user")
    case.configure(section("worker", "web", "sleep 1000", "instances 100"),
                   settings=[f"control-socket {other} mode 666 level user"])
    return case.start(), other


def resident(master: Master) -> int:
    """In KiB."""
    return int(processes.status(master.pid)["VmRSS"].split()[0])


def asked(master: Master, count: int) -> List[float]:
    """How long so many answers of an administrator took, in order."""
    times = []
    for _ in range(count):
        begin = time.monotonic()
        expect(master.answers(), "no answer")
        times.append(time.monotonic() - begin)
    return sorted(times)


def rests(master: Master) -> bool:
    """Whether it works no more."""
    before = processes.stat(master.pid)[11:13]
    meanwhile(0.3)
    return processes.stat(master.pid)[11:13] == before


@check("40 sessions of a stranger, each with 1,253 `show metrics` in a line: 100 answers of root's come before these")
def attack(case: Case) -> None:
    master, other = started(case)
    with Attack(other, 40, reads=True) as attackers:
        expect(eventually(lambda: attackers.answered() > 0), "nobody is answered")
        begin = attackers.answered()
        times = asked(master, 100)
        done = attackers.answered()
        case.note(f"median {times[50] * 1000:.1f} ms, longest {times[-1] * 1000:.1f} ms, "
                  f"{done - begin} of {40 * 1253} answers of the attack meanwhile")
        expect(done < 40 * 1253 // 2, f"{done} answers of the attack came first")
    expect(eventually(lambda: rests(master)), "the master works on for clients that have gone")


@check("answers that 60 sessions do not read cost the master less than 32 MiB, and the sessions are ended", slow=True)
def unread(case: Case) -> None:
    master, other = started(case)
    asked(master, 5)
    before, files = resident(master), len(processes.open_files(master.pid))
    with Attack(other, 60, reads=False):
        expect(eventually(lambda: len(processes.open_files(master.pid)) >= files + 60), "not all are connected")
        expect(eventually(lambda: rests(master), 60), "the master does not come to rest")
        times = asked(master, 20)
        grown = resident(master) - before
        case.note(f"{grown} KiB more, an answer in {times[10] * 1000:.1f} ms")
        expect(grown < 32 * 1024, f"{grown} KiB more")
        gone = eventually(lambda: len(processes.open_files(master.pid)) <= files, 30)
        expect(gone, "who does not read is not ended")


@check("thousands of short commands, half lines and half payloads of many sessions take a bounded memory", slow=True)
def unfinished(case: Case) -> None:
    master, other = started(case)
    asked(master, 5)
    before = resident(master)
    held: List[socket.socket] = []
    for data in (b"a;" * 8000, b"wait ready 60;" + b"a;" * 8000 + b"\n", b"prompt\necho <<E\n" + b"x\n" * 30_000):
        for _ in range(50):
            sock = control.connect(other)
            sock.setblocking(False)
            try:
                sock.send(data)
            except BlockingIOError:
                pass
            held.append(sock)
    asked(master, 20)
    grown = resident(master) - before
    case.note(f"{grown} KiB more")
    for sock in held:
        sock.close()
    expect(grown < 64 * 1024, f"{grown} KiB more")


@check("a stranger's thousands of sessions leave root's alone, and root is answered")
def many_sessions(case: Case) -> None:
    master, other = started(case)
    mine = master.session()
    script = ("import resource, socket, sys\nresource.setrlimit(resource.RLIMIT_NOFILE, (3000, 3000))\n"
              "kept = []\nfor _ in range(2500):\n    one = socket.socket(socket.AF_UNIX)\n"
              "    one.connect(sys.argv[1])\n    kept.append(one)\nprint('on', flush=True)\nsys.stdin.read()\n")
    words = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", sys.executable, "-I", "-S", "-c", script]
    crowd = processes.spawn([*words, other], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    try:
        expect(crowd.stdout.readline() == "on\n", "they cannot connect")
        expect(mine.answers(), "root's session was ended for a stranger's")
        asked(master, 20)
        count = sum("socket" in target for target in processes.open_files(master.pid).values())
        case.note(f"{count} sockets of the master")
        expect(count < 1024 + 400, f"{count} sockets")
    finally:
        crowd.kill()
        crowd.communicate()
        mine.close()


@check("a reload, a death and a stop go on during an attack")
def goes_on(case: Case) -> None:
    master, other = started(case)
    with Attack(other, 40, reads=True) as attackers:
        expect(eventually(lambda: attackers.answered() > 0), "nobody is answered")
        begin = time.monotonic()
        master.reload(seconds=30)
        case.note(f"reload in {time.monotonic() - begin:.2f} s")
        begin = time.monotonic()
        master.stop(seconds=30)
        case.note(f"stop in {time.monotonic() - begin:.2f} s")


@check("a report that is under way goes on after an upgrade: its end comes, and the commands behind it", slow=True)
def over_upgrade(case: Case) -> None:
    master, _ = started(case)
    with control.connect(master.socket) as sock:
        count = 200
        sock.sendall(b";".join([b"show metrics"] * count) + b";echo the end\n")
        expect(sock.recv(1000, socket.MSG_PEEK), "no answer")
        answer = master.ask("upgrade", seconds=30)
        expect(answer.startswith("Success=1"), f"{answer!r}")
        sock.settimeout(60)
        text = b""
        while chunk := sock.recv(1 << 16):
            text += chunk
    answers = text.decode().split("\n\n")
    expect(answers[-2] == "the end" and len(answers) == count + 2, f"{len(answers)} answers, {answers[-3:]}")
    for each in answers[:count]:
        expect(each.startswith("# TYPE daemonkit_generation") and each.endswith("# EOF"), f"{each[:200]!r}")
        names = [line.split(" ")[2] for line in each.splitlines() if line.startswith("# TYPE")]
        expect(len(names) == len(set(names)) >= 9, f"{names}")
        ups = [line for line in each.splitlines() if line.startswith("daemonkit_child_up{")]
        expect(len(ups) == len(set(ups)), "a child stands twice")


def with_hostile(case: Case, mode: str, instances: int) -> Master:
    command = " ".join([sys.executable, "-I", "-S", os.path.join(WORKERS, "hostile.py"), mode])
    case.configure(section("worker", "web", command, f"instances {instances}", "channel yes", "readiness after 300ms"))
    return case.start()


@check("a worker that floods its channel with answers to nobody is heard no more, and costs nothing then")
def flood(case: Case) -> None:
    master = with_hostile(case, "flood", 20)
    expect(eventually(lambda: rests(master)), "the master works for what nobody asked for")
    expect("takes no commands" in master.ask("@1 show info"), master.ask("@1 show info"))


@check("20 workers that begin answers of 4 MiB and do not end them take the master less than 40 MiB", slow=True)
def half_answers(case: Case) -> None:
    master = with_hostile(case, "half", 20)
    asked(master, 5)
    before = resident(master)
    sessions = [control.connect(master.socket) for _ in range(20)]
    for number, sock in enumerate(sessions):
        sock.sendall(f"@{number + 1} show info\n".encode())
    expect(eventually(lambda: rests(master), 60), "the master does not come to rest")
    times, grown = asked(master, 20), resident(master) - before
    case.note(f"{grown} KiB more, an answer in {times[10] * 1000:.1f} ms")
    refused = 0
    for sock in sessions:
        sock.setblocking(False)
        try:
            refused += b"too long beside those of other workers" in sock.recv(1000)
        except BlockingIOError:
            pass
        sock.close()
    expect(grown < 40 * 1024, f"{grown} KiB more")
    expect(refused >= 5, f"{refused} were refused")


@check("a worker that announces more than there may be takes no commands any more")
def lies(case: Case) -> None:
    master = with_hostile(case, "long", 1)
    expect("before it answered" in master.ask("@1 show info"), "the answer's length is believed")
    expect("takes no commands" in master.ask("@1 show info"), "it is asked again")


@check("of commands that a worker does not read a bounded number is kept, and the next are refused")
def silent(case: Case) -> None:
    master = with_hostile(case, "silent", 1)
    with master.session() as one:
        sessions = []
        for _ in range(40):
            sock = control.connect(master.socket)
            sock.sendall(b"@1 " + b"x" * 16_000 + b"\n")
            sessions.append(sock)
        busy = eventually(lambda: select.select(sessions, [], [], 0)[0])
        expect(busy and b"is busy" in busy[0].recv(1000), "what it does not take is kept without a bound")
        expect(one.answers(), "no answer")
        for sock in sessions:
            sock.close()
