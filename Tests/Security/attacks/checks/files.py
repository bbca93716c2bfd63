"""Kind 1: files that root opens or changes by a name in a directory of somebody else's."""

import os
import signal
import subprocess

from harness import processes
from harness.checks import expect, read
from harness.moments import let_pass, meanwhile
from harness.processes import eventually
from suite import control
from suite.case import section
from suite.master import Master

from ..arena import ECHOD, MASTERD, MASTERS, PYTHON, START_SERVER, WORKERS, Arena, answers
from ..registry import attack

KIND = "1 files"
TALK = "while :; do echo root:0:0:pwned; sleep 0.05; done"


def logging(arena: Arena, front_end: str, log: str) -> Master:
    """A master whose service's output goes to a file in the service's own directory, as the service made it."""
    if front_end == MASTERD:
        master = arena.serve(front_end, command=f'sh -c "{TALK}"', lines=[f"log file {log}"])
    else:
        script = arena.script("talk", TALK)
        master = arena.serve(front_end, f"--log-file={log}", command=script)
    master.wait(lambda: "pwned" in read(log), "the service's output")
    return master


def reopened(arena: Arena, front_end: str, master: Master) -> None:
    """The rotation, and a reload: start_server's workers have the log from their start on."""
    arena.reopen(front_end, master)
    if front_end == START_SERVER:
        master.send(signal.SIGHUP)


def swap(arena: Arena, log: str, code: str, *words) -> None:
    """What the service's account does with the name of its log."""
    said = arena.do_as(arena.service, f"import os, sys\nlog = sys.argv[1]\nos.rename(log, log + '.old')\n{code}",
                       log, *words)
    expect(not said, f"the attack could not be made: {said}")


@attack(KIND, "a log that was swapped for a symbolic link makes no file elsewhere", MASTERD, START_SERVER)
def link_to_new(arena: Arena, front_end: str) -> None:
    log, target = os.path.join(arena.mine, "log"), os.path.join(arena.directory_of(None, "cron.d"), "job")
    master = logging(arena, front_end, log)
    with arena.probe(master):
        swap(arena, log, "os.symlink(sys.argv[2], log)", target)
        reopened(arena, front_end, master)
        eventually(lambda: os.path.exists(target), 1)
        expect(not os.path.exists(target), f"root made {target} with {read(target)[:60]!r}")
    arena.goes_on(master)


@attack(KIND, "a log that was swapped for a symbolic link changes no file of root's", MASTERD, START_SERVER)
def link_to_old(arena: Arena, front_end: str) -> None:
    log, secret = os.path.join(arena.mine, "log"), arena.secret()
    master = logging(arena, front_end, log)
    with arena.probe(master):
        swap(arena, log, "os.symlink(sys.argv[2], log)", secret)
        reopened(arena, front_end, master)
        eventually(lambda: read(secret) != "root's own\n", 1)
        arena.is_untouched(secret)
    arena.goes_on(master)


@attack(KIND, "a log with a second name is not written", MASTERD, START_SERVER)
def hard_link(arena: Arena, front_end: str) -> None:
    """protected_hardlinks keeps an account from linking what it may not write, and is off in many systems: so root
    makes the link."""
    log, secret = os.path.join(arena.mine, "log"), arena.secret()
    master = logging(arena, front_end, log)
    with arena.probe(master):
        os.rename(log, log + ".old")
        os.link(secret, log)
        reopened(arena, front_end, master)
        eventually(lambda: read(secret) != "root's own\n", 1)
        arena.is_untouched(secret)
    arena.goes_on(master)


@attack(KIND, "a directory on the way to a log that was swapped for a symbolic link leads nowhere", MASTERD,
        START_SERVER)
def directory_swap(arena: Arena, front_end: str) -> None:
    arena.do_as(arena.service, "import os, sys; os.mkdir(sys.argv[1])", os.path.join(arena.mine, "sub"))
    log, roots = os.path.join(arena.mine, "sub", "log"), arena.directory_of(None, "cron.d")
    master = logging(arena, front_end, log)
    with arena.probe(master):
        said = arena.do_as(arena.service, "import os, sys; os.rename(sys.argv[1], sys.argv[1] + '~')\n"
                           "os.symlink(sys.argv[2], sys.argv[1])", os.path.dirname(log), roots)
        expect(not said, said)
        reopened(arena, front_end, master)
        eventually(lambda: os.listdir(roots), 1)
        expect(not os.listdir(roots), f"root made {os.listdir(roots)} in its own directory")
    arena.goes_on(master)


@attack(KIND, "a FIFO in the place of a log freezes nothing", MASTERD, START_SERVER)
def fifo(arena: Arena, front_end: str) -> None:
    log = os.path.join(arena.mine, "log")
    master = logging(arena, front_end, log)
    with arena.probe(master):
        swap(arena, log, "os.mkfifo(log, 0o666)")
        reopened(arena, front_end, master)
        meanwhile(1)       # the length of the attack
    arena.goes_on(master)


@attack(KIND, "a FIFO in the place of a log with a reader that does not read freezes nothing", MASTERD, START_SERVER)
def fifo_with_reader(arena: Arena, front_end: str) -> None:
    log = os.path.join(arena.mine, "log")
    master = logging(arena, front_end, log)
    with arena.probe(master):
        swap(arena, log, "os.mkfifo(log, 0o666)")
        # F_SETPIPE_SZ, and then it is full.
        reader = arena.python_as(
            arena.service, "import fcntl, os, sys, time\nfd = os.open(sys.argv[1], os.O_RDWR)\n"
            "fcntl.fcntl(fd, 1031, 4096)\nos.write(fd, b'x' * 4096)\nprint('full', flush=True)\ntime.sleep(60)", log,
            stdout=subprocess.PIPE)
        expect(reader.stdout.readline() == b"full\n", "the FIFO could not be filled")
        reopened(arena, front_end, master)
        meanwhile(2)       # the length of the attack
    arena.goes_on(master)


@attack(KIND, "whoever reads the log and does not read on freezes nothing", *MASTERS)
def reader_that_does_not_read(arena: Arena, front_end: str) -> None:
    """The master's own log goes to a pipe that is full."""
    reading, writing = os.pipe()
    try:
        talk = arena.script("talk", "while :; do echo 0123456789012345678901234567890123456789; done")
        options = [] if front_end == START_SERVER else ["--log-file=-"]
        if front_end == MASTERD:
            arena.configure(section("program", "svc", talk, f"user {arena.service.name}"))
            words = [arena.masterd, "-f", "-c", arena.configuration, f"--pid-file={arena.pid_file}", *options]
        elif front_end == WORKERS:
            words = [arena.echod, "-f", "-b", "127.0.0.1:0", "--workers=2", "-S", arena.control, "--debug",
                     f"--pid-file={arena.pid_file}", f"--user={arena.service.name}", *options]
        else:
            words = [arena.start_server, "--port=127.0.0.1:0", "--interval=0", f"--control-socket={arena.control}",
                     f"--pid-file={arena.pid_file}", "--", talk]
        child = processes.spawn(words, stdin=subprocess.DEVNULL, stdout=writing, stderr=writing, cwd=arena.directory,
                                env=arena.environment(), start_new_session=True)
        os.close(writing)
        master = Master(child.pid, arena.log_file, arena.control, arena.pid_file, child)
        arena.running.append(master)
        master.wait(lambda: os.path.exists(arena.control), "a control socket")
        if front_end == WORKERS:
            fill(arena, master, reading)
        with arena.probe(master):
            meanwhile(2)   # the length of the attack
        arena.goes_on(master)
    finally:
        os.close(reading)


@attack(KIND, "a log command that does not read freezes nothing", START_SERVER)
def command_that_does_not_read(arena: Arena, front_end: str) -> None:
    talk = arena.script("talk", "while :; do echo 0123456789012345678901234567890123456789; done")
    master = arena.serve(front_end, "--log-file=| exec sleep 1000", command=talk)
    with arena.probe(master):
        for _ in range(3):
            master.send(signal.SIGHUP)
            meanwhile(1)       # the length of the attack; each reload has its lines
    arena.goes_on(master)


def fill(arena: Arena, master: Master, reading: int) -> None:
    """Room for nothing more is in the pipe: the workers' ends are written there by the master."""
    master.wait(lambda: answers(master) and len(master.current()) == 2, "two workers")
    with open(f"/proc/{os.getpid()}/fd/{reading}", "wb", buffering=0) as end:
        os.set_blocking(end.fileno(), False)
        try:
            while end.write(b"x" * 4096):
                pass
        except BlockingIOError:
            pass
    processes.kill(master.current()[0])


@attack(KIND, "a FIFO at the guessable name of the status file freezes no reload", START_SERVER)
def status_fifo(arena: Arena, front_end: str) -> None:
    status = os.path.join(arena.mine, "status")
    master = arena.serve(front_end, f"--status-file={status}")
    master.wait(lambda: read(status), "a status file")
    with arena.probe(master):
        arena.do_as(arena.service, "import os, sys; os.mkfifo(sys.argv[1], 0o666)", f"{status}.{master.pid}")
        master.send(signal.SIGHUP)
        master.wait(lambda: read(status).startswith("2:"), "the new generation in the status file")
    arena.goes_on(master)


@attack(KIND, "a link at the guessable name of the status file changes no file of root's", START_SERVER)
def status_link(arena: Arena, front_end: str) -> None:
    status, secret = os.path.join(arena.mine, "status"), arena.secret()
    master = arena.serve(front_end, f"--status-file={status}")
    master.wait(lambda: read(status), "a status file")
    with arena.probe(master):
        # As with a log: where hard links are not protected, the account itself does it.
        os.link(secret, f"{status}.{master.pid}")
        master.send(signal.SIGHUP)
        master.says(r"spawning a new worker")
        eventually(lambda: read(secret) != "root's own\n" or read(status).startswith("2:"), 3)
        arena.is_untouched(secret)
    arena.goes_on(master)


@attack(KIND, "a listener's socket that is swapped while a new generation starts gives no file of root's away", MASTERD)
def socket_swap(arena: Arena, front_end: str) -> None:
    path, secret = os.path.join(arena.mine, "sock"), arena.secret()
    name = arena.service.name
    listen = f"listen web\n    bind unix:{path} mode 600 user {name} group {name}\n"
    worker = section("worker", "svc", "sleep 1000", f"user {name}", "listen web", "readiness after 1s")
    arena.configure(worker, listen)
    master = arena.start()
    with arena.probe(master):
        for number, make in enumerate(("os.symlink(sys.argv[2], sys.argv[1])", "os.mkfifo(sys.argv[1])", "")):
            arena.configure(worker, listen.replace("600", f"66{6 - number}"))
            with control.connect(master.socket) as sock:
                sock.sendall(b"reload\n")
                let_pass(0.4)     # the new generation is starting
                if make:
                    said = arena.do_as(arena.service, f"import os, sys; os.unlink(sys.argv[1])\n{make}", path, secret)
                    expect(not said, said)
                else:
                    os.unlink(path)
                    os.link(secret, path)
                # Refused or not: nothing is changed that is not its own socket.
                while sock.recv(4096):
                    pass
            arena.is_untouched(secret)
        if os.path.lexists(path):
            os.unlink(path)
    arena.goes_on(master)


@attack(KIND, "a symbolic link in the place of a new socket is not followed at the start", MASTERD, START_SERVER)
def socket_at_start(arena: Arena, front_end: str) -> None:
    path, secret = os.path.join(arena.mine, "sock"), arena.secret()
    arena.do_as(arena.service, "import os, sys; os.symlink(sys.argv[2], sys.argv[1])", path, secret)
    if front_end == MASTERD:
        listen = f"listen web\n    bind unix:{path} mode 666 user {arena.service.name}\n"
        arena.configure(section("program", "svc", "sleep 1000", "listen web"), listen)
        arena.run("-f", *arena.files, "-c", arena.configuration, seconds=2)
    else:
        arena.run(f"--path={path}", "--interval=0", "--", "sleep", "1000", program=arena.start_server, seconds=2)
    arena.is_untouched(secret)
    for pid in arena.living():
        processes.kill(pid)


@attack(KIND, "a control socket that was swapped gives no file of root's another mode", MASTERD)
def control_swap(arena: Arena, front_end: str) -> None:
    path, secret = os.path.join(arena.mine, "control"), arena.secret()
    master = arena.serve(front_end, settings=[f"control-socket {path} mode 666 level user"])
    with arena.probe(master):
        said = arena.do_as(arena.service, "import os, sys; os.unlink(sys.argv[1]); os.symlink(sys.argv[2], sys.argv[1])",
                           path, secret)
        expect(not said, said)
        master.ask("reload")
        arena.is_untouched(secret)
    arena.goes_on(master)


@attack(KIND, "a pid file's name that is a link, a FIFO or a directory is refused at once", MASTERD, START_SERVER,
        ECHOD, WORKERS)
def pid_file_names(arena: Arena, front_end: str) -> None:
    secret = arena.secret()
    makes = {"link": lambda path: os.symlink(secret, path), "dangling": lambda path: os.symlink(secret + "2", path),
             "hard": lambda path: os.link(secret, path), "fifo": os.mkfifo, "directory": os.mkdir}
    arena.configure(section("program", "svc"))
    for name, make in makes.items():
        path = os.path.join(arena.mine, name)
        make(path)
        words = {MASTERD: [arena.masterd, "-c", arena.configuration, f"--log-file={arena.log_file}"],
                 START_SERVER: [arena.start_server, "--port=127.0.0.1:0", "--daemonize",
                                f"--log-file={arena.log_file}"],
                 ECHOD: [arena.echod, "-b", "127.0.0.1:0", f"--user={arena.service.name}", "--log-file=-"],
                 WORKERS: [arena.echod, "-b", "127.0.0.1:0", f"--user={arena.service.name}", "--workers=1",
                           "--log-file=-"]}[front_end]
        end = ["--", "sleep", "1000"] if front_end == START_SERVER else []
        outcome = arena.run(*words[1:], f"--pid-file={path}", *end, program=words[0], seconds=5)
        expect(outcome.code not in (None, 0), f"{name}: {outcome}")
        expect(not os.path.exists(secret + "2"), f"{name}: root made a file elsewhere")
        arena.is_untouched(secret)
        if name == "hard":
            os.unlink(path)
    for pid in arena.living():
        processes.kill(pid)


@attack(KIND, "a log that another account has put there is not opened as root", ECHOD, WORKERS, MASTERD, START_SERVER)
def log_at_start(arena: Arena, front_end: str) -> None:
    """Before the daemon is that account, it is root: a link, a FIFO or a second name of root's file must not be."""
    target, secret = os.path.join(arena.directory_of(None, "cron.d"), "job"), arena.secret()
    arena.configure(section("program", "svc"))
    makes = {"link": lambda path: os.symlink(target, path), "old": lambda path: os.symlink(secret, path),
             "fifo": lambda path: os.mkfifo(path, 0o666), "hard": lambda path: os.link(secret, path)}
    for name, make in makes.items():
        path = os.path.join(arena.mine, name)
        make(path)
        if name == "fifo":
            os.lchown(path, arena.service.uid, arena.service.gid)
        words = {ECHOD: ["-b", "127.0.0.1:0", f"--user={arena.service.name}"],
                 WORKERS: ["-b", "127.0.0.1:0", f"--user={arena.service.name}", "--workers=1"],
                 MASTERD: ["-c", arena.configuration],
                 START_SERVER: ["--port=127.0.0.1:0", "--interval=0", "--daemonize", "--", "sleep", "1000"]}[front_end]
        program = {MASTERD: arena.masterd, START_SERVER: arena.start_server}.get(front_end, arena.echod)
        outcome = arena.run(f"--pid-file={arena.pid_file}", f"--log-file={path}", *words, program=program, seconds=6)
        expect(outcome.code is not None, f"{name}: the start hangs")
        expect(not os.path.exists(target), f"{name}: root made {target}, owner {os.path.exists(target)}")
        arena.is_untouched(secret)
        for pid in arena.living():
            processes.kill(pid)
        expect(eventually(lambda: not arena.living()), f"left: {arena.left()}")
        if name == "hard":
            os.unlink(path)


@attack(KIND, "a lot of output is no output lost in silence, and no line torn", MASTERD, START_SERVER)
def long_lines(arena: Arena, front_end: str) -> None:
    """Lines of 20,000 bytes arrive whole, among short ones."""
    log = os.path.join(arena.mine, "log")
    code = "import sys, time\nfor n in range(50):\n print(f'B{n}' + 'x' * 20000 + f'E{n}')\n print(f'short {n}')\n" \
           "sys.stdout.flush()\ntime.sleep(1000)"
    script = arena.write("long.py", code)
    if front_end == MASTERD:
        master = arena.serve(front_end, command=f"{PYTHON} -I -S {script}", lines=[f"log file {log}"])
    else:
        master = arena.serve(front_end, f"--log-file={log}", command=f"{PYTHON} -I -S {script}")
    with arena.probe(master):
        master.wait(lambda: "short 49" in read(log), "the last line")
        lines = [line for line in read(log).splitlines() if line[:1] == "B"]
        whole = [line for number, line in enumerate(lines) if line == f"B{number}" + "x" * 20000 + f"E{number}"]
        expect(len(whole) == 50, f"{50 - len(whole)} of 50 lines of 20,000 bytes are cut or torn: "
               f"{[len(line) for line in lines][:5]}")
    arena.goes_on(master)
