"""Kind 2: pids that a file or a message names, and that somebody else chose."""

import os
import subprocess


from harness import processes
from harness.checks import expect, read
from harness.processes import eventually
from harness.suites import REPOSITORY
from suite.case import section

from ..arena import ECHOD, MASTERD, PYTHON, START_SERVER, WORKERS, Arena, Victim
from ..people import Person
from ..registry import attack
from ..notify import SAY

KIND = "2 pids"
LOCK = """
import fcntl, os, sys, time
fd = os.open(sys.argv[1], os.O_RDWR | os.O_CREAT, 0o644)
fcntl.flock(fd, fcntl.LOCK_EX)
os.ftruncate(fd, 0)
os.write(fd, sys.argv[2].encode() + b"\\n")
print("locked", flush=True)
time.sleep(1000)
"""


def forged(arena: Arena, victim: Victim, person: Person, path: str, wrapper=()) -> None:
    """The account holds the lock of its own pid file, and names a process of root's in it."""
    child = arena.python_as(person, LOCK, path, victim.pid, wrapper=wrapper, stdout=subprocess.PIPE)
    expect(child.stdout.readline() == b"locked\n", "the attacker has no lock")


def commands(arena: Arena, path: str) -> dict:
    """What root runs against a daemon by its pid file."""
    status = os.path.join(arena.mine, "status")
    with open(status, "w", encoding="utf-8") as file:
        file.write("1:1\n")
    arena.write("registry/d.conf", f"command {arena.echod} --bind 127.0.0.1:0 --pid-file {path}\ncheck no\n")
    plain = {"--stop": ["--stop"], "--reload": ["--reload"], "--reopen-logs": ["--reopen-logs"]}
    return {
        ECHOD: [[arena.echod, *words, f"--pid-file={path}"] for words in plain.values()],
        MASTERD: [[arena.masterd, *words, f"--pid-file={path}"] for words in plain.values()],
        START_SERVER: [[arena.start_server, word, f"--pid-file={path}", f"--status-file={status}",
                        "--start-timeout=1"] for word in ("--restart", "--upgrade", "--stop")],
        "daemonctl": [[arena.daemonctl, *verb.split(), "d"]
                      for verb in ("reload", "reopen-logs", "restart --direct", "stop --direct")],
    }


def run_all(arena: Arena, front_end: str, path: str) -> None:
    for words in commands(arena, path)[front_end]:
        arena.run(*words[1:], program=words[0], seconds=2, env={"DAEMONKIT_CONFIG": arena.path("registry")})
    for pid in arena.living():
        if processes.command(pid).startswith((arena.start_server, arena.daemonctl)):
            processes.kill(pid)


@attack(KIND, "a pid file that the service's account has forged leads root's commands to no other process",
        ECHOD, MASTERD, START_SERVER, "daemonctl", slow=True)
def forged_pid_file(arena: Arena, front_end: str) -> None:
    victim, path = arena.victim(), os.path.join(arena.mine, "pid")
    forged(arena, victim, arena.service, path)
    run_all(arena, front_end, path)
    victim.is_untouched()


@attack(KIND, "a lock that is held in another pid namespace proves no pid in this one",
        ECHOD, MASTERD, START_SERVER, "daemonctl", slow=True)
def other_namespace(arena: Arena, front_end: str) -> None:
    victim, path = arena.victim(), arena.path("pid")
    forged(arena, victim, None, path, ["unshare", "--pid", "--fork", "--kill-child"])
    run_all(arena, front_end, path)
    victim.is_untouched()


@attack(KIND, "a record of children that the service's account has forged, or made of root's log, ends no process",
        MASTERD, WORKERS, START_SERVER)
def forged_record(arena: Arena, front_end: str) -> None:
    victim, path = arena.victim(), os.path.join(arena.mine, "pid")
    with open("/proc/sys/kernel/random/boot_id", encoding="ascii") as file:
        boot = file.read().strip()
    record = (f"daemonkit children 1 {boot} {os.stat('/proc/self/ns/pid').st_ino} {path.encode().hex()} abc\n"
              f"+{os.getsid(victim.pid)} 0 {2 ** 60}\n={2 ** 60}\n")
    for owner, mode in ((arena.service.uid, 0o1600), (0, 0o600), (0, 0o640)):
        name = f"{path}.children"
        with open(name, "w", encoding="ascii") as file:
            file.write(record)
        os.chown(name, owner, owner)
        os.chmod(name, mode)
        arena.pid_file = path
        master = arena.serve(front_end)
        victim.is_untouched()
        master.send(15)
        expect(eventually(lambda: master.code() is not None), "it does not end")
        if os.path.exists(name):
            os.remove(name)


def init_script(arena: Arena, name: str, path: str) -> "tuple[str, str]":
    """The script as it is installed, for our executable and this pid file."""
    with open(os.path.join(REPOSITORY, "etc/init.d", name), encoding="utf-8") as file:
        text = file.read()
    program = arena.echod if name == "echod" else arena.masterd
    text = text.replace("DAEMON=/usr/sbin/$NAME", f"DAEMON={program}").replace("PIDFILE=/run/$NAME/$NAME.pid",
                                                                              f"PIDFILE={path}")
    text = text.replace("LOGFILE=/var/log/$NAME/$NAME.log", f"LOGFILE={arena.log_file}")
    text = text.replace("DAEMON_OPTS=\n", "DAEMON_OPTS='--bind 127.0.0.1:0'\n", 1)
    text = text.replace("DAEMON_USER=$NAME", f"DAEMON_USER={arena.service.name}")
    return arena.write(f"init-{name}", text, 0o755), text


@attack(KIND, "its stop, reload and rotate signal no process that a forged pid file names",
        "etc/init.d/echod", "etc/init.d/masterd", slow=True)
def init_scripts(arena: Arena, front_end: str) -> None:
    victim, path = arena.victim(), os.path.join(arena.mine, "pid")
    forged(arena, victim, arena.service, path)
    script, _ = init_script(arena, front_end.rsplit("/", 1)[-1], path)
    for verb in ("reload", "rotate", "stop"):
        arena.run(script, verb, program="/bin/sh", seconds=3)
    for pid in arena.living():
        if arena.echod in processes.command(pid) or arena.masterd in processes.command(pid):
            processes.kill(pid)
    victim.is_untouched()


@attack(KIND, "the printed init scripts signal no process that a forged pid file names", "sysv", "openrc", slow=True)
def printed_scripts(arena: Arena, front_end: str) -> None:
    victim, path = arena.victim(), os.path.join(arena.mine, "pid")
    forged(arena, victim, arena.service, path)
    printed = arena.run("--print-service", front_end, f"--pid-file={path}", f"--user={arena.service.name}",
                        "--bind=127.0.0.1:0", program=arena.echod)
    expect(printed.code == 0, str(printed))
    if front_end == "openrc":
        # OpenRC itself is not here. It stops by the daemon's own words, or by start-stop-daemon and the pid file.
        expect("kill" not in printed.out.replace("killprocs", "") or "--stop" in printed.out, printed.out)
        expect("start-stop-daemon" not in printed.out, "start-stop-daemon would believe the pid file")
        return
    script = arena.write("printed", printed.out.replace("DAEMON=/usr/sbin/$NAME", f"DAEMON={arena.echod}"), 0o755)
    for verb in ("reload", "rotate", "stop"):
        arena.run(script, verb, program="/bin/sh", seconds=3)
    victim.is_untouched()


@attack(KIND, "no shipped script reads a pid out of a file and signals it")
def scripts_ask_the_executable(arena: Arena) -> None:
    found = []
    for directory, _, names in os.walk(os.path.join(REPOSITORY, "etc")):
        for name in names:
            for number, line in enumerate(read(os.path.join(directory, name)).splitlines(), 1):
                words = line.split("#")[0]
                reads = any(word in words for word in ('cat "$PIDFILE"', "cat $PIDFILE", 'cat "$pidfile"', "pid)"))
                if reads and "cat " in words or "kill" in words and "pid-file" in words:
                    found.append(f"{name}:{number}: {line.strip()}")
    expect(not found, "\n".join(found))


@attack(KIND, "after the drop the pid file is held by a descriptor that cannot write", ECHOD, WORKERS)
def held_read_only(arena: Arena, front_end: str) -> None:
    outcome = arena.daemon(*(["--workers=1"] if front_end == WORKERS else []))
    expect(outcome.code == 0, str(outcome))
    pid = int(read(arena.pid_file))
    identity = os.stat(arena.pid_file)
    for process in [pid, *processes.children(pid)]:
        for number in processes.open_files(process):
            found = os.stat(f"/proc/{process}/fd/{number}")
            if (found.st_dev, found.st_ino) == (identity.st_dev, identity.st_ino):
                flags = int(next(line.split()[1] for line in read(f"/proc/{process}/fdinfo/{number}").splitlines()
                                 if line.startswith("flags:")), 8)
                expect(flags & os.O_ACCMODE == os.O_RDONLY, f"descriptor {number} of {process} may write the pid file")
    stopped = arena.run("--stop", f"--pid-file={arena.pid_file}", program=arena.echod)
    expect(stopped.code == 0, str(stopped))


@attack(KIND, "a service's MAINPID and WATCHDOG=trigger do not reach an orphan of another service", MASTERD)
def orphan(arena: Arena, front_end: str) -> None:
    """The orphan is of another account, and the master has adopted it."""
    record = os.path.join(arena.records, "orphan")
    parent = arena.write("orphan.py", "import os, sys, time\nif os.fork() == 0:\n os.setsid()\n if os.fork() == 0:\n"
                         "  open(sys.argv[1], 'w').write(str(os.getpid()))\n  time.sleep(1000)\n os._exit(0)\n"
                         "time.sleep(1000)\n")
    say = arena.write("say.py", SAY + """
while not (os.path.exists(sys.argv[1]) and open(sys.argv[1]).read()):
    time.sleep(0.02)
orphan = open(sys.argv[1]).read()
say("READY=1")
say("MAINPID=" + orphan + "\\nWATCHDOG=trigger")
say("MAINPID=" + orphan)
time.sleep(1000)
""")
    other = section("program", "other", f"{PYTHON} -I -S {parent} {record}", f"user {arena.stranger.name}")
    master = arena.serve(front_end, command=f"{PYTHON} -I -S {say} {record}",
                         lines=["readiness notify", "watchdog 60s"], sections=[other])
    with arena.probe(master):
        expect(eventually(lambda: read(record)), "no orphan")
        pid = int(read(record))
        eventually(lambda: not processes.alive(pid), 2)
        expect(processes.alive(pid), "the other service's orphan was killed")
        expect(not any(child.pid == pid for child in master.children()), "the orphan is taken for the service")
    arena.goes_on(master)


@attack(KIND, "a named main process that its own parent reaps is not ready for ever", MASTERD)
def grandchild(arena: Arena, front_end: str) -> None:
    script = arena.write("grand.py", SAY + """
child = os.fork()
if child == 0:
    time.sleep(1)
    os._exit(3)
say(f"READY=1\\nMAINPID={child}")
open(sys.argv[1], "a").write(f"{child}\\n")
os.waitpid(child, 0)
time.sleep(1000)
""")
    record = os.path.join(arena.records, "grand")
    master = arena.serve(front_end, command=f"{PYTHON} -I -S {script} {record}",
                         lines=["readiness notify", "stop-timeout 1s"])
    with arena.probe(master):
        expect(eventually(lambda: len(read(record).split()) > 1, 10), "its end is not seen: it is never restarted")
    master.send(15)
    master.ends(None, 6)


@attack(KIND, "the launcher kills no process that the dropped daemon names in its readiness pipe", "faultd", slow=True)
def readiness_pipe(arena: Arena, front_end: str) -> None:
    victim = arena.victim()
    child = arena.start_as(None, [
        arena.faultd, "--fault-prepare=hang", "--start-timeout=2", f"--pid-file={arena.pid_file}",
        f"--log-file={arena.log_file}", f"--user={arena.service.name}"], stderr=subprocess.PIPE)

    def pipes():
        found = []
        for pid in arena.living():
            if pid == child.pid or "faultd" not in processes.command(pid):
                continue
            if str(arena.service.uid) in processes.status(pid)["Uid"].split():
                files = processes.open_files(pid)
                found += [f"/proc/{pid}/fd/{number}" for number, name in files.items() if name.startswith("pipe:")]
        return found

    expect(eventually(pipes), "no dropped daemon with a pipe")
    for path in pipes():
        # What a daemon that was taken over can say with its own descriptors.
        try:
            fd = os.open(path, os.O_WRONLY | os.O_NONBLOCK)
        except OSError:
            continue
        for text in (f"P{victim.pid}\n", f"\nP{victim.pid}\n"):
            os.write(fd, text.encode())
        os.close(fd)
    child.wait(15)
    victim.is_untouched()
    for pid in arena.living():
        if "faultd" in processes.command(pid):
            processes.kill(pid)
