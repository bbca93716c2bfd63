"""A worker that writes down what it was given and what happens to it, and answers on its sockets: "GENERATION PID\\n".

    worker.py RECORDS [BEHAVIOUR=VALUE]...

RECORDS/worker-GENERATION-PID.json says what it found at its start, RECORDS/events-GENERATION-PID what happened since:
lines of monotonic time, event. Behaviours; those after when=2,3 hold for these generations only:
    die=CODE  at once      die-after=SECONDS[:CODE]     die-while=FILE  code 7 at once, while the file exists
    ignore=TERM,INT        drain=SECONDS  between TERM and the end         exit-on=USR1,TERM  default TERM,INT,QUIT
    ready=SECONDS          child-ready=SECONDS  says READY=1 then, itself or by a child       say=TEXT  on both outputs
"""

import json
import os
import select
import signal
import socket
import sys
import time

GENERATION = int(os.environ.get("SERVER_STARTER_GENERATION", 0))
RECORDS = sys.argv[1]
EVENTS = os.path.join(RECORDS, f"events-{GENERATION}-{os.getpid()}")
SIGNALS = ["HUP", "INT", "QUIT", "USR1", "USR2", "TERM", "WINCH", "CHLD"]
TCPI_MAX_BACKLOG = slice(28, 32)      # struct tcp_info of a listener: tcpi_sacked


def main():
    behaviour = behaviours(sys.argv[2:])
    wakeup, writer = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
    signal.set_wakeup_fd(writer, warn_on_full_buffer=False)
    ignored = behaviour.get("ignore", "").split(",")
    for name in SIGNALS:
        signal.signal(getattr(signal, "SIG" + name), lambda number, frame: None)
    sockets = {number: socket.socket(fileno=number) for _, number in given()}
    record(sockets, hidden=(wakeup, writer))
    if "say" in behaviour:
        os.write(1, f"{behaviour['say']} {GENERATION} out\n".encode())
        os.write(2, f"{behaviour['say']} {GENERATION} err\n".encode())
    if "die" in behaviour:
        os._exit(int(behaviour["die"]))
    if "die-while" in behaviour and os.path.exists(behaviour["die-while"]):
        os._exit(7)
    serve(behaviour, sockets, wakeup, ignored, behaviour.get("exit-on", "TERM,INT,QUIT").split(","))


def behaviours(words):
    chosen, holds = {}, True
    for word in words:
        name, _, value = word.partition("=")
        if name == "when":
            holds = str(GENERATION) in value.split(",")
        elif holds:
            chosen[name] = value
    return chosen


def given():
    text = os.environ.get("SERVER_STARTER_PORT", "")
    return [(key, int(number)) for key, _, number in (item.rpartition("=") for item in text.split(";") if item)]


def record(sockets, hidden):
    with open("/proc/self/status", encoding="utf-8") as file:
        status = dict(line.rstrip("\n").split(":\t", 1) for line in file if ":\t" in line)
    umask = int(status["Umask"], 8)
    facts = {
        "generation": GENERATION, "pid": os.getpid(), "parent": os.getppid(), "group": os.getpgrp(),
        "session": os.getsid(0), "cwd": os.getcwd(), "umask": umask, "user": os.getuid(), "gid": os.getgid(),
        "argv": sys.argv[2:], "environment": dict(os.environ), "time": time.monotonic(), "sockets": given(),
        "masks": {name: status[name] for name in ("SigIgn", "SigBlk")},
        "descriptors": descriptors(hidden), "details": {number: detail(each) for number, each in sockets.items()},
    }
    name = os.path.join(RECORDS, f"worker-{GENERATION}-{os.getpid()}.json")
    with open(name + ".new", "w", encoding="utf-8") as file:
        json.dump(facts, file)
    os.rename(name + ".new", name)


def address(sock):
    """A name without a file is bytes."""
    found = sock.getsockname()
    return os.fsdecode(found) if isinstance(found, bytes) else found


def descriptors(hidden):
    found = {}
    for number in os.listdir("/proc/self/fd"):
        try:
            if int(number) not in hidden:
                found[number] = os.readlink(f"/proc/self/fd/{number}")
        except FileNotFoundError:
            pass      # the directory's own
    return found


def detail(sock):
    kind = sock.getsockopt(socket.SOL_SOCKET, socket.SO_TYPE)
    facts = {
        "family": sock.family.name, "type": socket.SocketKind(kind).name, "name": address(sock),
        "reuseaddr": sock.getsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR),
        "reuseport": sock.family != socket.AF_UNIX and sock.getsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT),
        "blocking": os.get_blocking(sock.fileno()),
    }
    if sock.family == socket.AF_INET6:
        facts["v6only"] = sock.getsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY)
    if sock.family != socket.AF_UNIX and kind == socket.SOCK_STREAM:
        info = sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 104)
        facts["backlog"] = int.from_bytes(info[TCPI_MAX_BACKLOG], sys.byteorder)
    return facts


def note(event):
    with open(EVENTS, "a", encoding="utf-8") as file:
        file.write(f"{time.monotonic()} {event}\n")


def notify(text):
    target = os.environ["NOTIFY_SOCKET"]
    address = "\0" + target[1:] if target.startswith("@") else target
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sock:
        sock.connect(address)
        if text == "READY=1":
            note("ready")
        sock.send(text.encode())


def say_ready():
    notify("READY=1")


def hand_over():
    """The child is the main process from now on; this one ends."""
    reader, writer = os.pipe()
    if os.fork() == 0:
        notify(f"MAINPID={os.getpid()}\nREADY=1")
        os.close(writer)
        signal.pause()
        os._exit(0)
    os.close(writer)
    os.read(reader, 1)
    os._exit(0)


def say_ready_from_child():
    if os.fork() == 0:
        say_ready()
        time.sleep(1)
        os._exit(0)


def serve(behaviour, sockets, wakeup, ignored, ending):
    """Waits for connections, signals and the moments of the behaviours; a drain lets the sockets rest."""
    begin, agenda, code = time.monotonic(), [], 0
    if "die-after" in behaviour:
        seconds, _, text = behaviour["die-after"].partition(":")
        agenda.append((begin + float(seconds), lambda: os._exit(int(text or 1))))
    if "notify" in behaviour:
        notify(behaviour["notify"].replace("|", "\n"))
    if "ready" in behaviour:
        agenda.append((begin + float(behaviour["ready"]), say_ready))
    if "mainpid" in behaviour:
        agenda.append((begin, hand_over))
    if "child-ready" in behaviour:
        agenda.append((begin + float(behaviour["child-ready"]), say_ready_from_child))
    poll = select.poll()
    poll.register(wakeup, select.POLLIN)
    for number, sock in sockets.items():
        sock.setblocking(False)
        poll.register(number, select.POLLIN)
    while True:
        due = min((moment for moment, _ in agenda), default=None)
        events = poll.poll(None if due is None else max(0, (due - time.monotonic()) * 1000 + 1))
        for number, _ in events:
            if number in sockets:
                answer(sockets[number])
                continue
            for name in (signal.Signals(each).name[3:] for each in os.read(wakeup, 4096)):
                note(name)
                if name in ending and name not in ignored:
                    agenda.append((time.monotonic() + float(behaviour.get("drain", 0)), lambda: os._exit(code)))
                    for each in sockets:
                        poll.unregister(each)
                    ending = []
        for item in [item for item in agenda if item[0] <= time.monotonic()]:
            agenda.remove(item)
            item[1]()


def answer(sock):
    line = f"{GENERATION} {os.getpid()}\n".encode()
    try:
        if sock.type == socket.SOCK_DGRAM:
            _, sender = sock.recvfrom(100)
            sock.sendto(line, sender)
            return
        connection, _ = sock.accept()
        with connection:
            connection.sendall(line)
    except (BlockingIOError, ConnectionError):
        pass


main()
