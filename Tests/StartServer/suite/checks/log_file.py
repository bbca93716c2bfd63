"""Section 3, point 7: the log file, as a file and as a command."""

import os
import signal

from harness.checks import check, expect, read
from harness.moments import let_pass, meanwhile
from harness.processes import eventually, kill, takes
from ..case import Case


def logging(case: Case, log: str, *options: str, **arguments):
    return case.serving("--port=0", f"--log-file={log}", *options, log=case.log_file, **arguments)


@check("messages and the workers' output are appended to the file")
def appended(case: Case) -> None:
    case.write("log", "older\n")
    daemon = logging(case, case.log_file, worker=["say=hello"])
    daemon.reload()
    daemon.line("hello 2 err")
    daemon.in_order("older", r"starting new worker \d+", "received HUP, spawning a new worker", "killing old workers")
    for generation in (1, 2):
        daemon.in_order(f"hello {generation} out", f"hello {generation} err")
    daemon.stop()
    daemon.in_order(r"received TERM, .*", r"worker \d+ died, status:0", "exiting")


@check("only the first line goes to the caller's standard error")
def first_line(case: Case) -> None:
    daemon = logging(case, case.log_file)
    err = read(case.path("daemon-0.err"))
    expect(err == f"start_server (pid:{daemon.pid}) starting now...\n", f"stderr {err!r}")
    expect("starting now" not in daemon.log, "the log has it too")


@check("| command gets messages and output, and its end of file at the end")
def piped(case: Case) -> None:
    daemon = logging(case, f"|cat >>{case.log_file}; echo over >>{case.log_file}", worker=["say=hello"])
    daemon.reload()
    case.generation(2, daemon)
    daemon.line("hello 2 out")
    daemon.stop()
    expect(eventually(lambda: daemon.lines[-1:] == ["over"]), f"the last line is {daemon.lines[-1:]}")
    daemon.in_order(r"starting new worker \d+", "killing old workers", "exiting", "over")


@check("blanks before and after | do no harm")
def piped_with_blanks(case: Case) -> None:
    daemon = logging(case, f"  |  cat >>{case.log_file}")
    daemon.line(r"starting new worker \d+")


@check("| command is restarted when it dies, and nothing written meanwhile is lost",
       known="the log is gone for good")
def restarted_command(case: Case) -> None:
    script = case.script("logger", f"echo $$ >>{case.path('loggers')}\nexec cat >>{case.log_file}")
    daemon = logging(case, f"|exec {script}")
    first = int(eventually(lambda: read(case.path("loggers"))).split()[0])
    kill(first)
    for _ in range(3):
        daemon.hup()
        let_pass(0.05)
    daemon.wait(lambda: len(read(case.path("loggers")).split()) > 1, "a second logger")
    daemon.line("received HUP, spawning a new worker")
    daemon.line("killing old workers")
    daemon.still_runs()
    expect(len(read(case.path("loggers")).split()) < 10, "loggers come and go")


@check("a | command that does not get going neither ends it nor spins")
def broken_command(case: Case) -> None:
    script = case.script("logger", f"echo $$ >>{case.path('loggers')}\nexit 1")
    daemon = case.start("--port=0", f"--log-file=|exec {script}")
    worker = case.generation(1, daemon)
    meanwhile(1)
    case.answered(worker, 1)
    daemon.still_runs()
    expect(len(read(case.path("loggers")).split()) < 15, "loggers come and go")


@check("USR1 reopens the file", known="USR1 ends it")
def reopened(case: Case) -> None:
    daemon = logging(case, case.log_file, worker=["say=hello"])
    os.rename(case.log_file, case.path("log.1"))
    daemon.send(signal.SIGUSR1)
    daemon.wait(lambda: os.path.exists(case.log_file), "a new log file")
    daemon.reload()
    case.generation(2, daemon)
    daemon.line("hello 2 out")
    old = read(case.path("log.1"))
    expect("hello 1 out" in old and "hello 2 out" not in old and "received HUP" not in old, f"{old!r}")


@check("USR1 with a log file that cannot be opened keeps the old one", known="USR1 ends it")
def not_reopened(case: Case) -> None:
    os.mkdir(case.path("logs"))
    daemon = case.start("--port=0", f"--log-file={case.path('logs', 'log')}", log=case.path("moved", "log"))
    case.generation(1, daemon)
    os.rename(case.path("logs"), case.path("moved"))
    daemon.send(signal.SIGUSR1)
    daemon.reload()
    case.generation(2, daemon)
    daemon.still_runs()


@check("USR1 without a log file, or to a | command, does no harm", known="USR1 ends it")
def nothing_to_reopen(case: Case) -> None:
    for options in ([], [f"--log-file=|cat >>{case.log_file}"]):
        daemon = case.start("--port=0", *options, worker=[f"with={len(options)}"])
        worker = daemon.wait(lambda: [w for w in case.workers() if w["argv"] == [f"with={len(options)}"]], "one")[0]
        daemon.send(signal.SIGUSR1)
        expect(takes(daemon.pid, signal.SIGUSR1), "it does not take USR1")
        daemon.still_runs()
        expect(not worker.events(), f"the worker got {worker.events()}")
        case.answered(worker, 1)
        daemon.stop()
