"""Section 3: --daemonize."""

import os
import signal

from harness.checks import check, expect, read
from harness.processes import alive, eventually, kill, open_files, session
from ..case import Case


@check("it leaves the session, is no leader, and serves")
def detached(case: Case) -> None:
    daemon = case.daemonized("--port=0", f"--status-file={case.status_file}", f"--path={case.socket}")
    worker = case.generation(1, daemon)
    expect(session(daemon.pid) not in (os.getsid(0), daemon.pid), f"session {session(daemon.pid)} of {daemon.pid}")
    case.answered(worker, 1, "0")
    case.answered(worker, 1, case.socket)
    daemon.reload()
    case.generation(2, daemon)
    daemon.stop()
    case.expect_no_files()


@check("its standard input is /dev/null, its outputs the log")
def standard_descriptors(case: Case) -> None:
    daemon = case.daemonized("--port=0")
    files = open_files(daemon.pid)
    expect([files.get(number) for number in range(3)] == ["/dev/null", case.log_file, case.log_file], f"{files}")
    descriptors = case.generation(1, daemon)["descriptors"]
    expect([descriptors[number] for number in "012"] == ["/dev/null", case.log_file, case.log_file], f"{descriptors}")
    expect(os.readlink(f"/proc/{daemon.pid}/cwd") == case.directory, "it changed its directory")


@check("with =0 the socket stays its standard input")
def socket_input(case: Case) -> None:
    daemon = case.daemonized("--port=0=0")
    worker = case.generation(1, daemon)
    expect(worker["descriptors"]["0"].startswith("socket:"), f"{worker['descriptors']}")
    case.answered(worker, 1)


@check("the caller gets the first line on its standard error, the log the rest")
def lines(case: Case) -> None:
    daemon = case.daemonized("--port=0")
    worker = case.generation(1, daemon)
    daemon.line(f"starting new worker {worker.pid}")
    err = case.outcomes[-1].err
    expect(err.count("\n") == 1 and err.endswith("starting now...\n"), f"stderr {err!r}")


@check("an address in use is told to the caller, with 98")
def refused(case: Case) -> None:
    first = case.serving("--port=0")
    port = case.generation(1, first).socket()["name"][1]
    case.refused(f"--port={port}", "--daemonize", f"--log-file={case.log_file}", *case.files, code=98)


@check("the pid file is there when it returns", known="it returns before")
def pid_file(case: Case) -> None:
    look = 'number=none; "$@" && read number <pid; echo $number >seen'
    for index in range(5):
        outcome = case.run("--daemonize", "--interval=0", f"--log-file={case.log_file}", *case.files, "--",
                           *case.worker(f"run={index}"), wrapper=["sh", "-c", look, "sh"])
        seen = read(case.path("seen")).strip()
        expect(seen.isdigit(), f"it holds {seen!r} at once after {outcome}")
        kill(int(seen), signal.SIGTERM)
        expect(eventually(lambda: not alive(int(seen))), "it does not stop")


@check("it returns when the first worker is up", known="it returns at once")
def first_worker(case: Case) -> None:
    daemon = case.daemonized("--port=0", f"--status-file={case.status_file}", interval="1")
    expect(case.outcomes[-1].seconds >= 0.9, f"it returned after {case.outcomes[-1].seconds:.2f} s")
    expect(read(case.status_file) == f"1:{case.generation(1).pid}\n", f"status file {read(case.status_file)!r}")
    daemon.still_runs()


@check("a first worker that cannot be started is told to the caller, with 1, and nothing is left",
       known="it returns 0 at once")
def failing_worker(case: Case) -> None:
    outcome = case.run("--daemonize", "--interval=1", f"--log-file={case.log_file}", *case.files, "--port=0",
                       f"--path={case.socket}", "--", case.path("missing"))
    expect(outcome.code == 1, f"{outcome}")
    expect("missing" in outcome.err, f"the reason is missing: {outcome}")
    expect(eventually(lambda: not case.living(), 3), "a process is left")
    case.expect_no_files()


@check("a pid file that is locked is told to the caller", known="it returns 0 at once")
def locked_pid_file(case: Case) -> None:
    first = case.serving("--port=0", *case.files)
    case.refused("--daemonize", f"--log-file={case.log_file}", *case.files, seconds=3)
    expect(read(case.pid_file) == f"{first.pid}\n", f"the pid file holds {read(case.pid_file)!r}")


@check("it keeps no descriptor of its caller's pipes")
def pipes(case: Case) -> None:
    daemon = case.daemonized("--port=0")
    for pid in (daemon.pid, case.generation(1, daemon).pid):
        held = [name for name in open_files(pid).values() if "run-" in name or "/tests/" in name]
        expect(not held, f"{pid} holds {held}")
