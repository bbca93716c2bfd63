"""--log-file '|COMMAND': a command reads the log of the master itself."""

import os

from harness import processes
from harness.checks import check, expect, expect_in, read
from harness.processes import eventually
from ..case import Case, section
from .upgrade import installed, is_new, renew


def piped(case: Case) -> str:
    """Into the file where the log is looked for otherwise."""
    return f"--log-file=|exec cat >>{case.log_file}"


def reader_of(master) -> int:
    found = eventually(lambda: [pid for pid in master.offspring() if processes.command(pid).startswith("cat")])
    expect(found, "nobody reads the log")
    return found[0]


def goes_on(case: Case, master, program: str) -> None:
    """A reader that is killed is replaced, an upgrade keeps it, and nothing is missing, the last line neither."""
    processes.kill(reader_of(master))
    master.reload()
    master.says("Loading success", 2)
    reader = reader_of(master)
    inode = renew(case, program)
    master.reload("upgrade")
    expect(is_new(master, inode), "the executable is the old one")
    master.says("Upgraded from version")
    expect(reader_of(master) == reader, "another reader")
    master.stop()
    expect(not processes.alive(reader), "the reader lives on")
    expect(read(case.log_file).splitlines()[-1].endswith(f" {program} daemon shutdown"), "the last line is missing")
    for word in ("daemon startup", "Reloading", "Loading success"):
        expect_in(word, master.log)
    case.expect_nothing_left()


@check("masterd --log-file '|COMMAND': it reads all lines, the children's too, over its death and an upgrade")
def masterd(case: Case) -> None:
    installed(case)
    case.configure(section("program", "p", "sh -c 'echo said by a child; exec sleep 1000'"))
    master = case.start(piped(case))
    master.says("INFO p: said by a child")
    goes_on(case, master, "masterd")


@check("--workers --log-file '|COMMAND': it reads all lines, the workers' too, over its death and an upgrade")
def workers(case: Case) -> None:
    installed(case, "echod")
    master = case.start_workers(2, piped(case))
    master.says("echod daemon startup", 3)
    goes_on(case, master, "echod")


@check("--log-file '|COMMAND': a start that fails says why there; a daemon alone, and no command, are refused")
def refused(case: Case) -> None:
    case.configure("listen l\n    bind 192.0.2.1:77\n", section("program", "p", "sleep 1000", "listen l"))
    outcome = case.run("-f", *case.files, "-c", case.configuration, piped(case))
    expect(outcome.code == 1, str(outcome))
    expect(eventually(lambda: "cannot bind 192.0.2.1:77" in read(case.log_file)), read(case.log_file))
    outcome = case.run("-f", *case.files, "-b", "127.0.0.1:0", piped(case), program=case.echod)
    expect(outcome.code == 1, str(outcome))
    expect_in("only a master can start a command again that reads its log", outcome.err)
    outcome = case.run("-f", *case.files, "--log-file=|  ", program=case.echod)
    expect(outcome.code == 2, str(outcome))
    expect_in("names no command", outcome.err)
    expect(not os.path.exists(case.pid_file), "a pid file is left")
