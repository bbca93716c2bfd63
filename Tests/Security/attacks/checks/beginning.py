"""Kind 7: what is believed at the start: files, variables, descriptors and names that others could make."""

import contextlib
import os
import shutil
import signal
import subprocess

from harness import processes
from harness.checks import expect, read
from harness.processes import eventually
from suite.case import section

from ..arena import ECHOD, MASTERD, START_SERVER, Arena, variables
from ..registry import attack
from .pids import LOCK, init_script

KIND = "7 believed"


def evil(arena: Arena) -> "tuple[str, str]":
    """A program that leaves a mark when root runs it, and the mark."""
    mark = arena.path("ran-as-root")
    return arena.script("evil", f'[ "$(id -u)" != 0 ] || touch {mark}\nsleep 1'), mark


WRONG = {
    "of another account": lambda arena, path: os.chown(path, arena.service.uid, arena.service.gid),
    "world-writable": lambda arena, path: os.chmod(path, 0o666),
    "group-writable of another group": lambda arena, path: (os.chown(path, 0, arena.service.gid), os.chmod(path, 0o664)),
}


@attack(KIND, "root runs no file of daemonctl's registry that somebody else may write", "start", "restart", "start-all",
        "check-and-start")
def registry(arena: Arena, front_end: str) -> None:
    program, mark = evil(arena)
    for name, spoil in WRONG.items():
        path = arena.write("registry/d.conf", f"command {program}\npid-file {arena.path('none')}\n"
                           "start-timeout 2s\n")
        spoil(arena, path)
        outcome = arena.run(front_end, *([] if front_end == "start-all" else ["d"]), program=arena.daemonctl,
                            seconds=6, env={"DAEMONKIT_CONFIG": arena.path("registry")})
        expect(not os.path.exists(mark), f"a file {name} was run as root")
        expect(outcome.code not in (0, None), f"{name}: {outcome}")


@attack(KIND, "root takes no registry from a directory that somebody else may write", "another's", "world-writable")
def registry_directory(arena: Arena, front_end: str) -> None:
    program, mark = evil(arena)
    arena.write("registry/d.conf", f"command {program}\npid-file {arena.path('none')}\nstart-timeout 2s\n")
    if front_end == "another's":
        os.chown(arena.path("registry"), arena.service.uid, arena.service.gid)
    else:
        os.chmod(arena.path("registry"), 0o777)
    outcome = arena.run("start", "d", program=arena.daemonctl, seconds=6,
                        env={"DAEMONKIT_CONFIG": arena.path("registry")})
    expect(not os.path.exists(mark), "it was run as root")
    expect(outcome.code not in (0, None), str(outcome))


@attack(KIND, "root reads no configuration that somebody else may write", MASTERD)
def configuration(arena: Arena, front_end: str) -> None:
    program, mark = evil(arena)
    for name, spoil in WRONG.items():
        arena.configure(section("program", "svc", program))
        spoil(arena, arena.configuration)
        for words in ([], ["-f"]):
            outcome = arena.run(*words, *arena.files, "-c", arena.configuration, seconds=3)
            for pid in arena.living():
                processes.kill(pid)
            expect(not os.path.exists(mark), f"a configuration {name} was run as root")
            expect(outcome.code == 1, f"{name}: {outcome}")


@attack(KIND, "a reload takes no configuration that somebody else may write by now", MASTERD)
def reloaded_configuration(arena: Arena, front_end: str) -> None:
    program, mark = evil(arena)
    master = arena.serve(MASTERD)
    with arena.probe(master):
        arena.configure(section("program", "svc", program))
        os.chown(arena.configuration, arena.service.uid, arena.service.gid)
        answer = master.ask("reload")
        expect(answer.startswith("Success=0"), f"reload answers {answer!r}")
        expect(not os.path.exists(mark), "it was run as root")
    arena.goes_on(master)


@attack(KIND, "root's worker takes no variable from an envdir that somebody else may write", START_SERVER)
def foreign_envdir(arena: Arena, front_end: str) -> None:
    for name, spoil in WRONG.items():
        path = arena.write("env/EVIL", "x\n")
        spoil(arena, path)
        master = arena.serve(front_end, f"--envdir={arena.path('env')}", person=None)
        worker = master.wait(lambda: processes.children(master.pid), "a worker")[0]
        eventually(lambda: processes.command(worker).startswith("sleep"))
        expect("EVIL" not in variables(worker), f"a file {name} has given root's worker a variable")
        master.send(15)
        master.ends(None, 10)


@attack(KIND, "its settings are not root's commands when somebody else may write them", "etc/init.d/echod",
        "etc/init.d/masterd")
def foreign_settings(arena: Arena, front_end: str) -> None:
    program, mark = evil(arena)
    script, text = init_script(arena, front_end.rsplit("/", 1)[-1], arena.pid_file)
    for name, spoil in WRONG.items():
        settings = arena.write("settings", f"{program}\n")
        spoil(arena, settings)
        arena.write(os.path.basename(script), text.replace("/etc/default/$NAME", settings), 0o755)
        for verb in ("status", "reload", "stop"):
            arena.run(script, verb, program="/bin/sh", seconds=5)
        expect(not os.path.exists(mark), f"a file {name} was run as root")


def at_home(arena: Arena, *words: str, env=None, seconds: float = 5) -> "tuple[int, str]":
    """Runs echod as the service's account, without an administrator's paths."""
    child = arena.start_as(arena.service, [arena.echod, *words], stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                           env={"HOME": "/nonexistent", **(env or {})})
    try:
        said = child.communicate(timeout=seconds)[0].decode(errors="replace")
    except subprocess.TimeoutExpired:
        child.kill()
        return -9, child.communicate()[0].decode(errors="replace")
    return child.returncode, said


@attack(KIND, "default files in /tmp that another account has made are not used, and lead to no process", ECHOD)
def planted_in_tmp(arena: Arena, front_end: str) -> None:
    """The names are known before anybody has used them."""
    uid = arena.service.uid
    pid_file, log_file = f"/tmp/echod-{uid}.pid", f"/tmp/echod-{uid}.log"
    directories = [f"/tmp/echod-{uid}", f"/tmp/daemonkit-{uid}"]
    victim = arena.victim(arena.service)
    child = arena.python_as(arena.stranger, LOCK, pid_file, victim.pid, stdout=subprocess.PIPE)
    try:
        expect(child.stdout.readline() == b"locked\n", "the attacker has no lock")
        os.chmod(pid_file, 0o666)
        for command in ("--status", "--reload", "--reopen-logs", "--stop"):
            at_home(arena, command, seconds=2)
        victim.is_untouched()
        child.kill()
        child.wait()
        for directory in directories:
            shutil.rmtree(directory, ignore_errors=True)   # a daemon of another check has left it
        arena.do_as(arena.stranger, """
import os, sys
os.umask(0)
for name in sys.argv[3:]:
    os.mkdir(name, 0o777)
for name in sys.argv[1:3]:
    open(name, "w").close()
""", pid_file, log_file, *directories)
        # Another check's daemon, of the same account, may have been faster.
        directories = [directory for directory in directories if os.stat(directory).st_uid == arena.stranger.uid]
        code, said = at_home(arena, "-b", "127.0.0.1:0")
        started = [pid for pid in arena.living() if arena.echod in processes.command(pid)]
        for pid in started:
            held = [name for name in processes.open_files(pid).values()
                    if name.startswith((pid_file, log_file, *(directory + "/" for directory in directories)))]
            processes.kill(pid, 15)
            expect(not held, f"it holds {held}, which is the stranger's")
        expect(started or code not in (0, -9), f"{code}: {said}")
        expect(not read(pid_file) and not read(log_file), "it wrote into the stranger's files")
        expect(not any(map(os.listdir, directories)), "it made files in the stranger's directories")
    finally:
        for directory in directories:
            shutil.rmtree(directory, ignore_errors=True)
        for name in (pid_file, log_file):
            with contextlib.suppress(FileNotFoundError):
                os.unlink(name)


@attack(KIND, "XDG_RUNTIME_DIR and XDG_STATE_HOME of another account are not used", ECHOD)
def foreign_runtime_directory(arena: Arena, front_end: str) -> None:
    theirs = arena.directory_of(arena.stranger, "theirs", 0o777)
    at_home(arena, "-b", "127.0.0.1:0", env={"XDG_RUNTIME_DIR": theirs, "XDG_STATE_HOME": theirs})
    names = os.listdir(theirs)
    for pid in arena.living():
        if arena.echod in processes.command(pid):
            processes.kill(pid, 15)
    expect(not names, f"it has made {names} in a directory of somebody else's")


@attack(KIND, "a state that was planted in the environment is not believed", MASTERD, START_SERVER, "--workers")
def planted_state(arena: Arena, front_end: str) -> None:
    arena.configure(section("program", "svc"))
    words = {MASTERD: [arena.masterd, "-f", *arena.files, "-c", arena.configuration],
             "--workers": [arena.echod, "-f", *arena.files, "-b", "127.0.0.1:0", "--workers=1", "-S", arena.control],
             START_SERVER: [arena.start_server, "--port=127.0.0.1:0", "--interval=0",
                            f"--control-socket={arena.control}", "--", "sleep", "1000"]}[front_end]
    line = b"master directory=/tmp"
    checksum = 0x811C9DC5
    for byte in line:
        checksum = ((checksum ^ byte) * 0x01000193) & 0xFFFFFFFF
    state = line + b" ~%d\n" % checksum
    path = arena.write("state", state.decode())
    memory = os.memfd_create("daemonkit-state")
    os.write(memory, state)
    plain = os.open(path, os.O_RDONLY)
    for descriptor in (plain, memory):
        os.set_inheritable(descriptor, True)
        child = processes.spawn(words, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
                                cwd=arena.directory, pass_fds=[descriptor], start_new_session=True,
                                env=arena.environment({"DAEMONKIT_STATE": str(descriptor)}))
        arena.begun.append(child)
        eventually(lambda: os.path.exists(arena.control) or child.poll() is not None, 5)
        running = os.path.exists(arena.control)
        expect(running or child.poll() not in (0, None), "it goes on with a state that nobody of it has written")
        child.send_signal(15)
        try:
            child.wait(5)
        except subprocess.TimeoutExpired:
            child.kill()
            raise
    os.close(plain)
    os.close(memory)


@attack(KIND, "no variable names a program that root runs", "daemonctl")
def systemctl(arena: Arena, front_end: str) -> None:
    program, mark = evil(arena)
    arena.write("registry/d.conf", f"command {arena.echod} --bind 127.0.0.1:0 --pid-file {arena.pid_file} "
                f"--log-file {arena.log_file}\nunit d.service\n")
    env = {"DAEMONKIT_CONFIG": arena.path("registry"), "DAEMONKIT_SYSTEMCTL": program}
    for verb in ("start", "reload", "stop"):
        arena.run(verb, "d", program=arena.daemonctl, seconds=6, env=env)
        expect(not os.path.exists(mark), f"DAEMONKIT_SYSTEMCTL was run as root by {verb}")


@attack(KIND, "whoever has taken the names of its answers keeps nobody from --upgrade", START_SERVER)
def upgrade(arena: Arena, front_end: str) -> None:
    master = arena.serve(START_SERVER)
    arena.python_as(arena.stranger, """
import socket, sys, time
kept = []
for kind in (socket.SOCK_DGRAM, socket.SOCK_STREAM):
    sock = socket.socket(socket.AF_UNIX, kind)
    try:
        sock.bind("\\0start_server-upgrade-" + sys.argv[1])
    except OSError:
        pass
    kept.append(sock)
print("taken", flush=True)
time.sleep(1000)
""", master.pid, stdout=subprocess.PIPE).stdout.readline()
    with arena.probe(master):
        outcome = arena.run("--upgrade", f"--pid-file={arena.pid_file}", program=arena.start_server, seconds=15)
        expect(outcome.code == 0, f"--upgrade {outcome}")
    arena.goes_on(master)


@attack(KIND, "without a readable /proc no command becomes a start", "--stop", "--status", "--reload")
def no_proc(arena: Arena, front_end: str) -> None:
    script = "mount -t tmpfs none /proc && exec \"$@\""
    child = processes.spawn(["unshare", "--mount", "sh", "-c", script, "sh", arena.echod, front_end,
                             f"--pid-file={arena.pid_file}"], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                            stderr=subprocess.STDOUT, cwd=arena.directory, env=arena.environment(),
                            start_new_session=True)
    arena.begun.append(child)
    try:
        said = child.communicate(timeout=10)[0].decode(errors="replace")
    except subprocess.TimeoutExpired:
        child.kill()
        said = "(did not end)"
    started = [pid for pid in arena.living() if pid != child.pid]
    for pid in started:
        processes.kill(pid, signal.SIGTERM)
    for name in ("/run/echod.pid", "/var/log/echod.log"):
        if started and os.path.exists(name):
            os.unlink(name)
    expect(not started, f"echod {front_end} has started a daemon as root")
    expect(child.returncode is not None and child.returncode >= 0, f"ended with {child.returncode}: {said}")
