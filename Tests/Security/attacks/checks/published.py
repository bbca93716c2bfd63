"""What was published of other daemons, each by its name: the same mistake must not be here."""

import os

from harness import processes
from harness.checks import expect, read
from harness.moments import meanwhile
from harness.processes import eventually
from suite.case import section

from ..arena import ECHOD, MASTERD, PYTHON, START_SERVER, WORKERS, Arena
from ..notify import SAY
from ..registry import attack
from . import files, leaving, pids

KIND = "published"


@attack(KIND, "CVE-2016-1247 (nginx of Debian): log directory of the service's account, and root reopens the log",
        MASTERD, START_SERVER)
def cve_2016_1247(arena: Arena, front_end: str) -> None:
    """The account swaps the log for a link to a file that the loader or cron reads as root; USR1 makes it."""
    files.link_to_new(arena, front_end)


@attack(KIND, "CVE-2016-6664 (mysqld_safe), CVE-2016-9566 (Nagios): log that is a link when root opens it at the start",
        ECHOD, WORKERS, MASTERD, START_SERVER)
def cve_2016_6664(arena: Arena, front_end: str) -> None:
    files.log_at_start(arena, front_end)


def rewrites_its_pid_file(arena: Arena) -> None:
    """A dropped daemon that was taken over writes root's process into its pid file; the administrator's script stops
    the daemon. What is written is what its own descriptors and its own directory let it."""
    victim = arena.victim()
    path = os.path.join(arena.mine, "pid")
    outcome = arena.daemon(pid_file=path)
    expect(outcome.code == 0, str(outcome))
    pid = int(read(path))
    written = False
    for number, name in processes.open_files(pid).items():
        flags = int(next(line.split()[1] for line in read(f"/proc/{pid}/fdinfo/{number}").splitlines()
                         if line.startswith("flags:")), 8)
        if name == path and flags & os.O_ACCMODE != os.O_RDONLY:
            written = True
            with open(f"/proc/{pid}/fd/{number}", "w", encoding="ascii") as file:
                file.write(f"{victim.pid}\n")
    # The directory is the account's: it can put another file there, too, and lock it.
    os.unlink(path)
    pids.forged(arena, victim, arena.service, path)
    script, _ = pids.init_script(arena, "echod", path)
    arena.run(script, "stop", program="/bin/sh", seconds=3)
    for verb in ("--stop", "--reload"):
        arena.run(verb, f"--pid-file={path}", program=arena.echod, seconds=2)
    for each in arena.living():
        if arena.echod in processes.command(each):
            processes.kill(each)
    victim.is_untouched()
    expect(not written, "the dropped daemon can write its pid file, which is root's")


for name, which in (
    ("CVE-2017-14159", "slapd"), ("CVE-2017-11747", "tinyproxy"), ("CVE-2017-12847", "Nagios"),
    ("CVE-2017-14609", "Kannel"),
):
    @attack(KIND, f"{name} ({which}): pid file that the dropped account can change, and root's script that kills by it",
            slow=True)
    def pid_file_after_drop(arena: Arena) -> None:
        rewrites_its_pid_file(arena)


@attack(KIND, "CVE-2018-16888 (systemd): pid file of an unprivileged service that names root's process",
        ECHOD, MASTERD, START_SERVER, "daemonctl", slow=True)
def cve_2018_16888(arena: Arena, front_end: str) -> None:
    pids.forged_pid_file(arena, front_end)


@attack(KIND, "CVE-2020-14367 (chrony): pid file that is a symbolic link, made as root", ECHOD, WORKERS, MASTERD,
        START_SERVER)
def cve_2020_14367(arena: Arena, front_end: str) -> None:
    files.pid_file_names(arena, front_end)


@attack(KIND, "CVE-2020-28935 (Unbound, NSD): pid file that is a link, whose target is written and given away",
        ECHOD, WORKERS, MASTERD, START_SERVER)
def cve_2020_28935(arena: Arena, front_end: str) -> None:
    files.pid_file_names(arena, front_end)


@attack(KIND, "CVE-2017-16933 (Icinga 2): init script that gives a directory of the account's away, through a link",
        "etc/init.d/echod", slow=True)
def cve_2017_16933(arena: Arena, front_end: str) -> None:
    """The directory of the pid file is a link to one of root's when the script is run."""
    roots = arena.directory_of(None, "roots", 0o700)
    link = os.path.join(arena.mine, "run")
    os.symlink(roots, link)
    script, _ = pids.init_script(arena, "echod", os.path.join(link, "pid"))
    arena.run(script, "start", program="/bin/sh", seconds=8)
    arena.run(script, "stop", program="/bin/sh", seconds=8)
    found = os.stat(roots)
    expect((found.st_uid, found.st_mode & 0o777) == (0, 0o700), f"root's directory is now {found.st_uid}'s")
    for each in arena.living():
        if arena.echod in processes.command(each):
            processes.kill(each)


@attack(KIND, "CVE-2016-7795 and -7796 (systemd): an empty notification, or one with only a control message",
        MASTERD, START_SERVER)
def cve_2016_7795(arena: Arena, front_end: str) -> None:
    script = arena.write("empty.py", SAY + """
say("READY=1")
for _ in range(100):
    say("")
    read, write = os.pipe()
    say("", None, [read])
    say("\\n\\n=\\n")
    os.close(read), os.close(write)
open(sys.argv[1], "w").write("said")
time.sleep(1000)
""")
    record = os.path.join(arena.records, "said")
    command = f"{PYTHON} -I -S {script} {record}"
    if front_end == MASTERD:
        master = arena.serve(front_end, command=command, lines=["readiness notify"])
    else:
        master = arena.serve(front_end, "--readiness=notify", command=command)
    with arena.probe(master):
        expect(eventually(lambda: os.path.exists(record)), "not everything could be said")
        meanwhile(0.3)     # longer than the master needs to read it
    arena.goes_on(master)


@attack(KIND, "CVE-2017-1000082 (systemd): a user that does not exist is not root", ECHOD, MASTERD, START_SERVER)
def cve_2017_1000082(arena: Arena, front_end: str) -> None:
    for user in ("0day", "0x0", "no-such-user", "", "-1", "4294967295", "4294967296"):
        if front_end == ECHOD:
            outcome = arena.run("-b", "127.0.0.1:0", f"--user={user}", *arena.files, program=arena.echod, seconds=5)
        elif front_end == MASTERD:
            arena.configure(section("program", "svc", "sleep 1000", f'user "{user}"'))
            outcome = arena.run(*arena.files, "-c", arena.configuration, seconds=5)
        else:
            outcome = arena.run("--port=127.0.0.1:0", "--interval=0", f"--user={user}", "--", "sleep", "1000",
                                program=arena.start_server, seconds=3)
        # start_server tries again for ever where the system refuses the account, as it does with a missing program.
        started = [command for command in map(processes.command, arena.living())
                   if not command.startswith(arena.start_server)]
        for pid in arena.living():
            processes.kill(pid)
        expect(outcome.code != 0 and not started, f"user {user!r}: {outcome}, running {started}")


@attack(KIND, "CVE-2009-4487 (nginx): log with escape sequences, shown on a terminal", "daemonctl logs")
def cve_2009_4487(arena: Arena, front_end: str) -> None:
    leaving.terminal(arena, front_end)
