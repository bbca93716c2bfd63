"""Kind 6: what leaves a process, for its child, for another process, or for an administrator's terminal."""

import os
import pty
import resource
import select
import subprocess
import time
from typing import List

from harness import processes
from harness.checks import expect, read
from harness.processes import eventually
from suite.case import section

from ..arena import ECHOD, MASTERD, MASTERS, PYTHON, START_SERVER, WORKERS, Arena, variables
from ..notify import SAY
from ..registry import attack

KIND = "6 leaving"
HOSTILE = "a\x1b]0;pwned\x07b\x1b[2Jc\u009bd\u202ee\u2066f\x08g\rh"
FORBIDDEN = ["\x1b]0;", "\x1b[2Jc", "\u009b", "\u202e", "\u2066", "\x07", "\x08"]


@attack(KIND, "after --chroot no descriptor leads out of it", ECHOD, WORKERS)
def chroot(arena: Arena, front_end: str) -> None:
    jail = arena.directory_of(None, "jail")
    os.mkdir(os.path.join(jail, "dev"))
    outcome = arena.daemon(f"--chroot={jail}", *(["--workers=1", f"-S{arena.control}"] if front_end == WORKERS else []))
    expect(outcome.code == 0, str(outcome))
    pid = int(read(arena.pid_file))
    for process in [pid, *processes.children(pid)]:
        for number, name in processes.open_files(process).items():
            is_directory = os.path.isdir(f"/proc/{process}/fd/{number}")
            expect(not is_directory, f"descriptor {number} of {processes.command(process)!r} is the directory {name}")
    expect(arena.run("--stop", f"--pid-file={arena.pid_file}", program=arena.echod).code == 0, "it does not stop")


def at_terminal(arena: Arena, words: List[str], typed: bytes = b"", seconds: float = 5, env=None) -> str:
    """What a command prints to a terminal."""
    master, slave = pty.openpty()
    child = processes.spawn(words, stdin=slave, stdout=slave, stderr=slave, start_new_session=True,
                            env=arena.environment({"TERM": "xterm", **(env or {})}))
    os.close(slave)
    arena.begun.append(child)
    if typed:
        os.write(master, typed)
    seen, end = b"", time.monotonic() + seconds
    while time.monotonic() < end:
        if select.select([master], [], [], 0.1)[0]:
            try:
                chunk = os.read(master, 65536)
            except OSError:
                break
            if not chunk:
                break
            seen += chunk
        elif child.poll() is not None:
            break
    child.kill()
    child.wait()
    os.close(master)
    return seen.decode(errors="surrogateescape")


@attack(KIND, "a service's texts carry nothing to the administrator's terminal", "daemonctl connect",
        "daemonctl connect, interactive", "daemonctl top", "daemonctl logs", "daemonctl logs --follow",
        "daemonctl status")
def terminal(arena: Arena, front_end: str) -> None:
    script = arena.write("hostile.py", SAY + f"""
say("READY=1\\nSTATUS=" + {HOSTILE!r} + "\\nX_DAEMONKIT_VERSION=" + {HOSTILE!r})
print({HOSTILE!r}, flush=True)
open(sys.argv[1], "w").write("said")
time.sleep(1000)
""")
    record = os.path.join(arena.records, "said")
    log = os.path.join(arena.mine, "svc.log")
    master = arena.serve(MASTERD, command=f"{PYTHON} -I -S -X utf8 {script} {record}",
                         lines=["readiness notify", f"log file {log}"])
    expect(eventually(lambda: os.path.exists(record)), "the service says nothing")
    shown = log if "logs" in front_end else arena.log_file
    os.chown(log, 0, 0)
    arena.write("registry/d.conf", f"command {arena.masterd} -c {arena.configuration}\npid-file {arena.pid_file}\n"
                f"log-file {shown}\ncontrol-socket {arena.control}\n")
    env = {"DAEMONKIT_CONFIG": arena.path("registry")}
    words = {"daemonctl connect": ["connect", "d", "show", "proc"],
             "daemonctl connect, interactive": ["connect", "d"], "daemonctl top": ["top", "--once"],
             "daemonctl logs": ["logs", "d"], "daemonctl logs --follow": ["logs", "--follow", "d"],
             "daemonctl status": ["status"]}[front_end]
    typed = b"show proc\nshow proc json\nshow metrics\nquit\n" if front_end.endswith("interactive") else b""
    seen = at_terminal(arena, [arena.daemonctl, *words], typed, 3, env)
    expect("svc" in seen or "pwned" in seen or " d " in f" {seen} ", f"nothing is shown: {seen!r}")
    found = [each for each in FORBIDDEN if each in seen]
    expect(not found, f"{found!r} come to the terminal: {seen[:600]!r}")
    arena.goes_on(master)


@attack(KIND, "`log inherit` lets no service of another user forge the lines of a master in the background", MASTERD)
def inherit(arena: Arena, front_end: str) -> None:
    forge = "echo 2026-01-01T00:00:00.000 masterd[1] notice: Loading success FORGED; sleep 1000"
    arena.configure(section("program", "svc", arena.script("forge", forge), f"user {arena.service.name}",
                            "log inherit"))
    outcome = arena.run(*arena.files, "-c", arena.configuration, seconds=5)
    eventually(lambda: "FORGED" in read(arena.log_file), 1)
    lines = [line for line in read(arena.log_file).splitlines() if "FORGED" in line]
    for pid in arena.living():
        processes.kill(pid, 15)
    expect(not any(line.startswith("2026-01-01T00:00:00.000") for line in lines), f"forged: {lines}")
    expect(outcome.code == 1 or not lines, f"neither refused nor marked: {outcome}")


PRINTED = ["systemd", "systemd-socket", "sysv", "openrc", "launchd", "logrotate", "newsyslog", "kubernetes",
           "containerfile", "daemonctl", "default"]


@attack(KIND, "a newline in an option's value is no directive of a printed file", *PRINTED)
def newline(arena: Arena, front_end: str) -> None:
    evil = "x\nExecStartPre=/bin/evil\nRUN evil\nevil: yes\n/evil { postrotate\n} evil\n"
    for option in ("--log-file=/var/log/", "--pid-file=/run/", "--user=", "--group=", "--chdir=/", "--bind=unix:/",
                   "--chroot=/", "--control-socket=/"):
        outcome = arena.run(f"--print-service={front_end}", "--port=7", f"{option}{evil}", program=arena.echod)
        starts = ("ExecStartPre=", "RUN evil", "evil: yes", "/evil {")
        found = [line for line in outcome.out.splitlines() if line.strip().startswith(starts)]
        # Within quotes of a shell script a line is a word's part, and no command.
        if front_end in ("sysv", "openrc", "default") and found:
            shell = arena.run("-n", arena.write("printed", outcome.out), program="/bin/sh")
            expect(shell.code == 0 and "'" in outcome.out, f"{option}: {outcome.out}")
            continue
        expect(not found, f"{option}: {found} in what is printed for {front_end}")


@attack(KIND, "a service of another user has nothing of root's environment, and its own limits", MASTERD, START_SERVER)
def environment(arena: Arena, front_end: str) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = min(512, hard)
    env = {"HOME": "/root", "USER": "root", "LOGNAME": "root", "SHELL": "/bin/rootshell", "MAIL": "/var/mail/root",
           "SUDO_USER": "admin", "SUDO_UID": "1000", "SUDO_GID": "1000", "SUDO_COMMAND": "/x",
           "LISTEN_PIDFDID": "42", "XDG_RUNTIME_DIR": "/run/user/0", "KEPT": "kept"}
    master = arena.serve(front_end, env=env,
                         preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard)))
    pid = arena.service_of(master)
    found = variables(pid)
    limits = next(line for line in read(f"/proc/{pid}/limits").splitlines() if line.startswith("Max open files"))
    bad = [f"{name}={found[name]}" for name in env if found.get(name) == env[name] and name != "KEPT"]
    expect(not bad, f"the service has root's {' '.join(bad)}")
    expect(found.get("KEPT") == "kept", "what is nobody's own is gone")
    expect(limits.split()[3] == str(wanted), f"its limit of open files is {limits.split()[3]}, not {wanted}")
    arena.goes_on(master)


@attack(KIND, "bytes that are no UTF-8 reach a service as they are", MASTERD, START_SERVER)
def bytes_stay(arena: Arena, front_end: str) -> None:
    odd = b"\xff\xfe\xc3"
    if front_end == MASTERD:
        path = arena.configure(section("program", "svc", 'sh -c "exec sleep 1000" ODD', "setenv OWN ODD"))
        with open(path, "rb") as file:
            text = file.read().replace(b"ODD", odd)
        with open(path, "wb") as file:
            file.write(text)
        words = [arena.masterd.encode(), b"-f", *(each.encode() for each in arena.files), b"-c", path.encode()]
    else:
        words = [arena.start_server.encode(), b"--port=127.0.0.1:0", b"--interval=0", b"--", b"sh", b"-c",
                 b"exec sleep 1000", odd]
    env = {os.fsencode(name): os.fsencode(value) for name, value in arena.environment().items()}
    child = processes.spawn(words, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
                            env={**env, b"INHERITED": odd}, cwd=arena.directory, start_new_session=True)
    arena.begun.append(child)

    def bytes_of(name: str) -> List[bytes]:
        found = []
        for pid in arena.living():
            if pid != child.pid:
                try:
                    with open(f"/proc/{pid}/{name}", "rb") as file:
                        found += file.read().split(b"\0")
                except OSError:
                    pass
        return found
    expect(eventually(lambda: b"1000" in bytes_of("cmdline") or child.poll() is not None), "no service")
    if child.poll() is not None:
        # A configuration that is no text may be refused, but not repaired.
        said = child.stderr.read().decode(errors="replace")
        expect(front_end == MASTERD and "UTF-8" in said, f"it does not start: {said}")
        return
    expect(b"INHERITED=" + odd in bytes_of("environ"), "an inherited variable was repaired")
    if front_end == MASTERD:
        expect(b"OWN=" + odd in bytes_of("environ"), "a variable of the configuration was repaired")
    child.send_signal(15)
    child.wait(10)


@attack(KIND, "the service has no descriptor but its own", *MASTERS)
def descriptors(arena: Arena, front_end: str) -> None:
    master = arena.serve(front_end)
    children = [arena.service_of(master)] if front_end != WORKERS else processes.children(master.pid)

    def others() -> List[str]:
        found = []
        for pid in children:
            for number, name in processes.open_files(pid).items():
                is_own = number < 3 or name.startswith(("socket:", "anon_inode:", "pipe:"))
                if not is_own and (front_end != WORKERS or os.path.isdir(f"/proc/{pid}/fd/{number}")):
                    found.append(f"descriptor {number} is {name}")
        return found
    # A program that starts has files open for a moment.
    expect(eventually(lambda: not others()), ", ".join(others()))
    arena.goes_on(master)
