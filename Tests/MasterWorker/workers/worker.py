"""A worker or program that writes down what it was given and what happens to it, and does what a check tells it.

    worker.py RECORDS NAME [BEHAVIOUR[=VALUE]]...

RECORDS/NAME-PID.json says what it found at its start, RECORDS/events-PID what happened since: lines of monotonic time,
event. RECORDS/remote-PID is a datagram socket that takes orders while it runs (see `obey`). Behaviours:
    ready=SECONDS   says READY=1 then; without one at once        unready      never says it
    gate=PATH       says it as soon as the file exists            notify=TEXT  sent before READY, \\n as | in it
    exit=CODE       ends at once                                  last=CODE    its exit code after a signal to stop
    ignore=TERM,INT stays when it gets these                      drain=SECONDS between the signal and the end
    child           has a child that ignores every signal to end  mainpid      hands over to a child, and ends
    mainpid=watched hands over to a child, and waits for it     mainpid=daemon  forks twice, in a session of its own
    store=NAME      puts a memory file into the master's store    say=TEXT     on both outputs
    beat=SECONDS    says WATCHDOG=1 in this rhythm                hup=reload   says RELOADING=1 and READY=1 at HUP
It answers on its stream sockets: "GENERATION PID\\n".
"""

import array
import json
import os
import select
import signal
import socket
import sys
import time

RECORDS, NAME = sys.argv[1:3]
GENERATION = int(os.environ.get("DAEMONKIT_GENERATION", 0))
SIGNALS = ["HUP", "INT", "QUIT", "USR1", "USR2", "TERM", "WINCH", "TTIN", "TTOU", "CONT", "ALRM"]
ENDING = ["TERM", "INT", "USR1"]


class Worker:
    def __init__(self, behaviour, facts):
        self.behaviour = behaviour
        self.agenda = []
        self.pipes = []
        self.ending = False
        self.wakeup, writer = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        signal.set_wakeup_fd(writer, warn_on_full_buffer=False)
        for name in SIGNALS:
            signal.signal(getattr(signal, "SIG" + name), lambda number, frame: None)
        self.sockets = {number: socket.socket(fileno=number) for number in streams(facts)}
        for sock in self.sockets.values():
            sock.setblocking(False)      # several of us may be woken by one client
        self.remote = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.remote.bind(os.path.join(RECORDS, f"remote-{os.getpid()}"))
        record(facts)

    def start(self):
        begin = time.monotonic()
        if "say" in self.behaviour:
            os.write(1, f"{self.behaviour['say']} {GENERATION} out\n".encode())
            os.write(2, f"{self.behaviour['say']} {GENERATION} err\n".encode())
        if "store" in self.behaviour:
            store(self.behaviour["store"])
        if "notify" in self.behaviour:
            notify(self.behaviour["notify"].replace("|", "\n"))
        if "gate" in self.behaviour:
            self.agenda.append((begin, self.look_at_gate))
        elif "unready" not in self.behaviour:
            self.agenda.append((begin + float(self.behaviour.get("ready", 0)), ready))
        if "beat" in self.behaviour:
            self.agenda.append((begin, self.beat))

    def look_at_gate(self):
        if os.path.exists(self.behaviour["gate"]):
            ready()
        else:
            self.agenda.append((time.monotonic() + 0.005, self.look_at_gate))

    def beat(self):
        if self.behaviour["beat"]:
            notify("WATCHDOG=1")
            self.agenda.append((time.monotonic() + float(self.behaviour["beat"]), self.beat))

    def run(self):
        poll = select.poll()
        for number in (self.wakeup, self.remote.fileno(), *self.sockets):
            poll.register(number, select.POLLIN)
        while True:
            due = min((moment for moment, _ in self.agenda), default=None)
            for number, _ in poll.poll(None if due is None else max(0, (due - time.monotonic()) * 1000 + 1)):
                if number in self.sockets:
                    answer(self.sockets[number])
                elif number == self.wakeup:
                    for each in os.read(self.wakeup, 4096):
                        self.take(signal.Signals(each).name[3:])
                else:
                    self.obey(json.loads(self.remote.recv(65536)))
            for item in [item for item in self.agenda if item[0] <= time.monotonic()]:
                self.agenda.remove(item)
                item[1]()

    def take(self, name):
        note(name)
        if name == "HUP" and self.behaviour.get("hup") == "reload":
            notify(f"RELOADING=1\nMONOTONIC_USEC={time.monotonic_ns() // 1000}")
            ready()
        if name in ENDING and name not in self.behaviour.get("ignore", "").split(",") and not self.ending:
            self.ending = True
            code = int(self.behaviour.get("last", 0))
            moment = time.monotonic() + float(self.behaviour.get("drain", 0))
            self.agenda.append((moment, lambda: os._exit(code)))

    def obey(self, order):
        """An order is a list: its name, and what it needs."""
        name, *values = order
        if name == "exit":
            os._exit(values[0])
        elif name == "notify":
            notify(values[0])
        elif name == "print":
            os.write(values[0], values[1].encode())
        elif name == "store":
            store(*values)
        elif name == "store-pipe":
            self.pipes.append(store_pipe(*values))
        elif name == "close-pipes":
            for number in self.pipes:
                os.close(number)
        elif name == "beat":
            self.behaviour["beat"] = values[0]
        note(f"done {name}")


def behaviours(words):
    return {name: value for name, _, value in (word.partition("=") for word in words)}


def find_out():
    """First of all, so that nothing of our own is in it."""
    links = {}
    for number in os.listdir("/proc/self/fd"):
        try:
            links[number] = os.readlink(f"/proc/self/fd/{number}")
        except FileNotFoundError:
            pass      # the directory's own
    with open("/proc/self/environ", "rb") as file:
        pairs = [each.decode(errors="surrogateescape").partition("=") for each in file.read().split(b"\0") if each]
    with open("/proc/self/status", encoding="utf-8") as file:
        status = dict(line.rstrip("\n").split(":\t", 1) for line in file if ":\t" in line)
    return {
        "name": NAME, "generation": GENERATION, "pid": os.getpid(), "parent": os.getppid(), "group": os.getpgrp(),
        "session": os.getsid(0), "cwd": os.getcwd(), "umask": int(status["Umask"], 8), "user": os.getuid(),
        "gid": os.getgid(), "groups": os.getgroups(), "argv": sys.argv[3:], "descriptors": links,
        "environment": {name: value for name, _, value in pairs}, "blocked": int(status["SigBlk"], 16),
        "time": time.monotonic(), "stored": stored(),
    }


def names():
    return os.environ.get("LISTEN_FDNAMES", "").split(":") if os.environ.get("LISTEN_FDS") else []


def stored():
    """What memory files came back to us."""
    found = {}
    for index, name in enumerate(names()):
        if "memfd:" in os.readlink(f"/proc/self/fd/{3 + index}"):
            found[name] = os.pread(3 + index, 4096, 0).decode()
    return found


def streams(facts):
    numbers = range(3, 3 + int(os.environ.get("LISTEN_FDS") or 0))
    return [number for number in numbers if facts["descriptors"][str(number)].startswith("socket:")]


def record(facts):
    path = os.path.join(RECORDS, f"{NAME}-{os.getpid()}.json")
    with open(path + ".new", "w", encoding="utf-8") as file:
        json.dump(facts, file)
    os.rename(path + ".new", path)


def note(event):
    with open(os.path.join(RECORDS, f"events-{os.getpid()}"), "a", encoding="utf-8") as file:
        file.write(f"{time.monotonic()} {event}\n")


def notify(text, descriptors=()):
    target = os.environ.get("NOTIFY_SOCKET")
    if not target:
        return
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sock:
        rights = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", descriptors))] if descriptors else []
        sock.sendmsg([text.encode()], rights, 0, "\0" + target[1:] if target.startswith("@") else target)


def ready():
    note("ready")
    notify("READY=1")


def store(name, text=None):
    file = os.memfd_create(name)
    os.write(file, (text or f"generation {GENERATION}").encode())
    notify(f"FDSTORE=1\nFDNAME={name}", [file])
    os.close(file)


def store_pipe(name, more="", copies=1):
    """Stores the reading end; the other end."""
    reader, writer = os.pipe()
    for _ in range(copies):
        notify(f"FDSTORE=1\nFDNAME={name}{more}", [reader])
    os.close(reader)
    return writer


def answer(sock):
    try:
        connection, _ = sock.accept()
        with connection:
            connection.sendall(f"{GENERATION} {os.getpid()}\n".encode())
    except (BlockingIOError, ConnectionError):
        pass


def have_child():
    """A grandchild of the master that only KILL ends."""
    if os.fork() == 0:
        for name in SIGNALS:
            signal.signal(getattr(signal, "SIG" + name), signal.SIG_IGN)
        with open(os.path.join(RECORDS, f"child-{os.getppid()}"), "w", encoding="utf-8") as file:
            file.write(f"{os.getpid()}\n")
        while True:
            time.sleep(1000)


def hand_over(how):
    """As a program that makes itself a daemon: the parent names its child, and ends or waits; or the child itself."""
    if how == "daemon":
        reader, writer = os.pipe()
        if os.fork():
            os.close(writer)
            os.read(reader, 1)
            os._exit(0)
        os.setsid()
        if os.fork():
            os._exit(0)
        notify(f"MAINPID={os.getpid()}\nREADY=1")
        os.close(reader)
        return os.close(writer)
    reader, writer = os.pipe()
    child = os.fork()
    if child:
        notify(f"MAINPID={child}\nREADY=1")
        os.write(writer, b".")
        if how == "watched":
            os.waitpid(child, 0)
            time.sleep(1000)
        os._exit(0)
    os.read(reader, 1)
    os.close(reader)
    os.close(writer)


def main():
    behaviour = behaviours(sys.argv[3:])
    if "mainpid" in behaviour:
        hand_over(behaviour["mainpid"])
    if "exit" in behaviour:
        os._exit(int(behaviour["exit"]))
    facts = find_out()
    if "child" in behaviour:
        have_child()
    worker = Worker(behaviour, facts)
    worker.start()
    worker.run()


main()
