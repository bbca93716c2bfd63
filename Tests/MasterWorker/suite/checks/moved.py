"""What one session does for all front ends, where a mistake would be seen by nobody else: outputs, orphans, levels, bytes."""

import os
import signal

from harness import processes
from harness.checks import check, expect, needs_root, read
from harness.processes import eventually
from ..case import Case, section
from .upgrade import PATIENCE, installed, renew

def shell(script: str) -> str:
    return f"sh -c \"{script}\""


@check("what a child says last, at a stop, is in the master's log and in its own log file, all of it")
def last_words(case: Case) -> None:
    words = "trap 'seq -f word-%.0f 1 2000; exit 0' TERM; echo begun; while :; do sleep 0.05; done"
    path = case.path("own.log")
    case.configure(section("program", "a", shell(words), "log prefix"),
                   section("program", "b", shell(words), f"log file {path}"))
    master = case.start()
    master.says("begun")
    expect(eventually(lambda: "begun" in read(path)), "b has said nothing")
    master.stop()
    for text in (master.log, read(path)):
        missing = [number for number in range(1, 2001) if f"word-{number}\n" not in text]
        expect(not missing, f"{len(missing)} lines are missing, from {missing[:3]} on")


@check("children's log files are appended to, also behind somebody who empties them")
def append(case: Case) -> None:
    path = case.write("own.log", "before\n")
    case.configure(section("program", "a", case.worker("a"), "readiness notify", f"log file {path}"))
    case.start()
    pid = case.met("a")["pid"]
    case.order(pid, "print", 1, "one\n")
    expect(eventually(lambda: read(path) == "before\none\n"), f"{read(path)!r}")
    os.truncate(path, 0)
    case.order(pid, "print", 1, "two\n")
    expect(eventually(lambda: read(path) == "two\n"), f"{read(path)!r}")


@check("over four reloads a log file that nobody needs any more is closed, and one that is needed stays open once")
def logs_closed(case: Case) -> None:
    paths = [case.path(f"log-{number}") for number in range(5)]

    def configure(path: str) -> None:
        case.configure(section("program", "a", case.worker("a"), "readiness notify", f"log file {path}"))

    configure(paths[0])
    master = case.start()
    for number in range(1, 5):
        configure(paths[number])
        master.reload()
    master.wait(lambda: len(master.offspring()) == 1, "the end of the old ones")
    master.reload()

    def is_open() -> list:
        return [path for path in processes.open_files(master.pid).values() if path in paths]

    master.wait(lambda: is_open() == [paths[4]], f"the closing of the others: {is_open()}")


@check("the orphans of a child that was told to stop end, also when an upgrade comes between")
def orphans(case: Case) -> None:
    installed(case)
    script = case.script("p", "(trap '' TERM; exec sleep 1000) &\nexec sleep 1000")
    case.configure(section("worker", "web"), section("program", "p", script, "stop-timeout 5s", "critical no"))
    master = case.start()
    group = master.only("p")

    def members() -> list:
        return [pid for pid in case.living() if processes.alive(pid) and os.getpgid(pid) == group]

    master.wait(lambda: len(members()) == 2, "the process behind the program")
    expect(master.ask("stop p").startswith("Success=1"), "not stopped")
    expect(len(members()) == 1, f"not one orphan, although it ignores TERM: {members()}")
    renew(case)
    master.reload("upgrade", PATIENCE)
    master.wait(lambda: not members(), "the end of the orphan")


@check("a reload that lowers a control socket's level holds for the sessions that come then; another one raises it")
def lowered(case: Case) -> None:
    sections = [section("worker", "web")]
    case.configure(*sections, control=f"{case.control} mode 600 level admin")
    master = case.start()
    with master.session() as early:
        case.configure(*sections, control=f"{case.control} mode 660 level user")
        master.reload()
        expect(master.ask("show cli level").strip() == "user", master.ask("show cli level"))
        expect("Permission denied" in master.ask("reload"), "a user reloads")
        expect(os.stat(case.control).st_mode & 0o777 == 0o660, "the mode is the old one")
        expect(f"{case.control} user " in master.ask("show cli sockets"), master.ask("show cli sockets"))
        expect(early.say("show cli level").strip() == "admin", "the open session has lost its level")
    case.configure(*sections, control=f"{case.control} mode 600 level operator")
    master.send(signal.SIGHUP)
    master.wait(lambda: master.ask("show cli level").strip() == "operator", "the higher level")


@check("--workers: words of the command line that are not UTF-8 reach the workers as they are, after an upgrade too")
def bytes_stay(case: Case) -> None:
    installed(case, "faultd")
    odd = b"x\xff\xfe=\xc3"
    master = case.start_workers(1, f"--fault-tag={os.fsdecode(odd)}", program=case.faultd)

    def words() -> list:
        with open(f"/proc/{master.only('worker')}/cmdline", "rb") as file:
            return file.read().split(b"\0")

    expect(b"--fault-tag=" + odd in words(), f"{words()}")
    renew(case, "faultd")
    master.reload("upgrade", PATIENCE)
    expect(b"--fault-tag=" + odd in words(), f"{words()}")


@check("why a child did not come to its program is said in words: its directory")
def exec_errors(case: Case) -> None:
    needs_root()
    directory = case.path("closed")
    os.mkdir(directory, 0o700)
    case.configure(section("worker", "web"), section(
        "program", "p", "sleep 1000", f"chdir {directory}", "user nobody", "critical no"))
    master = case.start()
    master.says(f"program for p failed to start: cannot change to {directory}: Permission denied")
