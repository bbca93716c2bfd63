"""Section 1: the command line as Getopt::Long's users know it, exit codes and refusals."""

import os
import re
import socket
import sys

from harness.checks import Unavailable, check, expect
from harness.processes import eventually, session, status
from ..case import Case


@check("a value follows = or is the next word, after one dash or two")
def forms(case: Case) -> None:
    case.start("--port=0", "-port=0", "--port", "0", "-port", "0", "--interval", "0", interval="")
    expect(len(case.generation(1).sockets) == 4, f"sockets {case.generation(1).sockets}")


@check("case is ignored, and the last value counts")
def case_ignored(case: Case) -> None:
    daemon = case.start("--PORT=0", "--Interval=60", "-INTERVAL", "0", interval="")
    case.generation(1, daemon)
    daemon.reload()


@check("unique abbreviations work")
def abbreviations(case: Case) -> None:
    case.start("--int", "0", "--po=0", "-pid", case.pid_file, "--stat", case.status_file, "--pat=socket", interval="")
    expect([key for key, _ in case.generation(1).sockets] == ["0", "socket"], f"{case.generation(1).sockets}")
    expect(eventually(lambda: os.path.exists(case.pid_file)), "no pid file")
    expect(eventually(lambda: os.path.exists(case.status_file)), "no status file")


@check("an abbreviation that is unique among the original's options stays so")
def old_abbreviations(case: Case) -> None:
    os.mkdir(case.path("below"))
    daemon = case.start("--b=7", "--di=below", "--i", "0", "--l", case.log_file, "--port=0", "--k=0", interval="")
    expect(case.generation(1, daemon)["cwd"] == case.path("below"), f"{case.generation(1)['cwd']}")
    expect(os.path.exists(case.log_file), "no log file")
    expect(case.run("--v").code == 0, f"--v {case.outcomes[-1]}")
    expect(case.run("--h").code == 0, f"--h {case.outcomes[-1]}")
    for words in (["--sto"], ["--r"]):
        expect(case.run(*words).code == 255, f"{words[0]} alone: {case.outcomes[-1]}")
    expect(case.run("--da", "--", "true").code == 255, f"--da without a log: {case.outcomes[-1]}")
    for words in (["--a=1"], ["--ena"], ["--env=x"], ["--signal-on-h=TERM"], ["--signal-on-t=TERM"]):
        expect(case.run(*words).code == 255, f"{words[0]} without a program: {case.outcomes[-1]}")


@check("an ambiguous abbreviation is refused with 1")
def ambiguous(case: Case) -> None:
    for option in ("--p=0", "--st=x", "--signal-on=TERM", "--e"):
        expect("ambiguous" in case.refused(option, code=1).err, f"{option}: {case.outcomes[-1]}")


@check("an unknown option is refused with 1")
def unknown(case: Case) -> None:
    expect("bogus" in case.refused("--bogus", code=1).err, f"{case.outcomes[-1]}")
    case.refused("--bogus=3", code=1)


@check("a number that is none is refused with 1")
def no_number(case: Case) -> None:
    for option in ("--interval", "--backlog", "--kill-old-delay", "--auto-restart-interval"):
        case.refused(f"{option}=many", code=1)


@check("a missing value, and a value for a switch, are refused with 1")
def values(case: Case) -> None:
    expect(case.run("--port").code == 1, f"{case.outcomes[-1]}")
    case.refused("--enable-auto-restart=1", code=1)
    case.refused("--daemonize=yes", f"--log-file={case.log_file}", code=1)


@check("the program's own options stay its own after --")
def own_options(case: Case) -> None:
    words = ["--port=1", "-interval", "0", "--", "", "two words", "--stop"]
    case.start("--port=0", worker=words)
    expect(case.generation(1)["argv"] == words, f"the program got {case.generation(1)['argv']}")


@check("options end at the first other word", known="it goes on after the program's name")
def first_word(case: Case) -> None:
    words = ["--port=1", "--interval=3", "--version"]
    daemon = case.start("--port=0", separator=False, worker=words)
    expect(case.generation(1, daemon)["argv"] == words, f"the program got {case.generation(1)['argv']}")


@check("without a program it is refused with 255")
def no_program(case: Case) -> None:
    for options in ([], ["--port=0"], [f"--pid-file={case.pid_file}"]):
        case.refused(*options, "--", code=255)
    case.expect_no_files()


@check("a bad port text is refused with 255", known="its message is two lines")
def bad_port(case: Case) -> None:
    for text in ("x", "-1", "1.5", "80=x", "80=", "127.0.0.1", "[::1]", "u", "80 80"):
        case.refused(f"--port={text}", code=255)


@check("a bad port text ends it with 255")
def bad_port_code(case: Case) -> None:
    for text in ("x", "80=x", "127.0.0.1", "u"):
        outcome = case.run(f"--port={text}", "--", "true")
        expect(outcome.code == 255 and text in outcome.err, f"--port={text}: {outcome}")


@check("a port beyond 65535 is refused with 255", known="it takes the low 16 bits")
def large_port(case: Case) -> None:
    for text in ("65536", "127.0.0.1:99999", "u70000", "[::1]:65536", "99999999999999999999"):
        case.refused(f"--port={text}", code=255, seconds=2)


@check("a name that does not resolve is refused with 255")
def unresolved(case: Case) -> None:
    for text in ("no-such-host.invalid:0", "256.1.1.1:0", "[::zz]:0"):
        case.refused(f"--port={text}", code=255)


@check("an address in use is refused with 98, and nothing is left")
def in_use(case: Case) -> None:
    with socket.socket() as sock:
        sock.bind(("0.0.0.0", 0))
        sock.listen()
        port = sock.getsockname()[1]
        outcome = case.refused(f"--port={port}", f"--path={case.socket}", *case.files, code=98)
        case.refused("--port=0", f"--port=127.0.0.1:{port}", code=98)
    expect(str(port) in outcome.err and "ddress already in use" in outcome.err, f"{outcome}")
    expect(not case.workers(), f"it started {case.workers()}")
    case.expect_no_files()


@check("an address that this machine has not is refused with 99")
def strange_address(case: Case) -> None:
    case.refused("--port=192.0.2.1:0", code=99)


@check("a privileged port is refused with 13")
def privileged(case: Case) -> None:
    if os.getuid() != 0:
        raise Unavailable("needs root, to leave it")
    with open("/proc/sys/net/ipv4/ip_unprivileged_port_start", encoding="ascii") as file:
        if int(file.read()) <= 81:
            raise Unavailable("every user may bind low ports here")
    case.refused("--port=81", code=13, user=65534, group=65534, extra_groups=[])


@check("a file in a missing directory is refused with 2, and a socket bound before is removed")
def missing_directory(case: Case) -> None:
    for option in ("--path=missing/socket", "--pid-file=missing/pid", "--log-file=missing/log"):
        outcome = case.refused(f"--path={case.socket}", option, code=2)
        expect("missing/" in outcome.err and "No such file or directory" in outcome.err, f"{option}: {outcome}")
        case.expect_no_files()


@check("a misspelt signal is refused at the start", known="it only fails when it has to send it")
def misspelt_signal(case: Case) -> None:
    for option in ("--signal-on-hup=BOGUS", "--signal-on-term=SIGX", "--signal-on-hup=99"):
        outcome = case.refused(option, seconds=2)
        expect(option.partition("=")[2] in outcome.err, f"{option}: {outcome}")


@check("--daemonize without --log-file is refused with 255")
def daemonize_alone(case: Case) -> None:
    expect("log-file" in case.refused("--daemonize", code=255).err, f"{case.outcomes[-1]}")


@check("--stop without its pid file option, --restart without both, are refused with 255")
def missing_files(case: Case) -> None:
    for words in (["--stop"], ["--restart"], ["--restart", "--pid-file=x"], ["--restart", "--status-file=x"]):
        outcome = case.run(*words)
        expect(outcome.code == 255 and "-file" in outcome.err, f"{words}: {outcome}")


@check("--help and --version go to standard output, with 0")
def help_and_version(case: Case) -> None:
    text, version = case.run("--help"), case.run("--version")
    for outcome in (text, version):
        expect(outcome.code == 0 and not outcome.err, f"{outcome}")
    for option in ("--port", "--path", "--interval", "--kill-old-delay", "--status-file", "--daemonize"):
        expect(option in text.out, f"--help does not name {option}")
    expect(re.search(r"\d+\.\d+", version.out) and version.out.count("\n") == 1, f"{version}")


@check("a fraction of a second is an interval", known="it takes whole numbers only")
def fractions(case: Case) -> None:
    daemon = case.start("--port=0", interval="0.3", worker=["when=1", "die-after=0.1:3"])
    daemon.line(r"new worker \d+ seems to have failed to start, exit status:768")
    daemon.wait(lambda: case.generation(2).is_alive, "the second worker")


@check("a program is found by PATH, and a relative one from --dir")
def program_paths(case: Case) -> None:
    os.mkdir(case.path("below"))
    worker = " ".join(f"'{word}'" for word in case.worker())
    case.script("below/run", f"exec {worker} \"$@\"")
    case.start("--dir=below", program=["./run", "a"])
    expect(case.generation(1)["argv"] == ["a"], f"{case.generation(1)['argv']}")
    case.running[0].stop()
    case.start(program=["env", f"EXTRA={sys.executable}", *case.worker("b")])
    seen = eventually(lambda: [each["argv"] for each in case.workers()] == [["a"], ["b"]])
    expect(seen, f"{case.workers()}")


@check("in the foreground it keeps session and directory, and blocks no signal")
def plain_process(case: Case) -> None:
    daemon = case.serving("--port=0")
    expect(session(daemon.pid) == daemon.pid, "it left the session that it was started in")
    blocked = status(daemon.pid)["SigBlk"]
    expect(int(blocked, 16) == 0, f"it rests with blocked signals {blocked}")
    expect(os.readlink(f"/proc/{daemon.pid}/cwd") == case.directory, "it changed its directory")
