"""Who asks for a stop a second time: `--stop` waits with the others, a raw signal insists, a hung master is killed."""

import ctypes
import fcntl
import os
import pty
import signal
import subprocess
import time

from harness import processes
from harness.checks import check, expect, needs_root, read
from harness.moments import let_pass
from harness.processes import eventually
from ..case import Case, section

DEAF = """/bin/sh -c "trap '' TERM; while :; do sleep 1; done\""""

PTRACE_SEIZE, PTRACE_INTERRUPT = 0x4206, 0x4207


def stopping(case: Case, *arguments: str, program: str = "") -> subprocess.Popen:
    words = [program or case.masterd, "--stop", "--pid-file", case.pid_file, *arguments]
    return processes.spawn(words, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)


@check("a second --stop only waits: what drains under the first one has its time")
def two_stops(case: Case) -> None:
    case.configure(section("worker", "web", case.worker("web", "drain=3"), "readiness notify"))
    master = case.start()
    begin = time.monotonic()
    first = stopping(case)
    case.happens(case.met("web")["pid"], "TERM")
    let_pass(1.2)
    second = stopping(case)
    for each in (first, second):
        said = each.communicate()[0]
        expect(each.returncode == 0 and "stopped" in said, f"{each.returncode}: {said}")
    expect(time.monotonic() - begin >= 3, "the second one has cut the drain short")
    master.ends(0)
    case.expect_nothing_left()


@check("a daemon alone: a second --stop only waits, a second raw signal ends it now")
def daemon(case: Case) -> None:
    words = ["--pid-file", case.pid_file, "--log-file", case.log_file, "--fault-main", "ignore-stop",
             "--fault-middle-grace"]
    for is_raw in (False, True):
        expect(case.run(*words, program=case.faultd).code == 0, read(case.log_file))
        pid = int(read(case.pid_file))
        begin = time.monotonic()
        first = stopping(case, program=case.faultd)
        expect(eventually(lambda: marked(case.pid_file)), "it has not begun to stop")
        second = None if is_raw else stopping(case, program=case.faultd)
        if is_raw:
            processes.kill(pid, signal.SIGTERM)
        for each in filter(None, (first, second)):
            expect(each.communicate()[0] and each.returncode == 0, f"{each.returncode}")
        passed = time.monotonic() - begin
        expect(passed < 7 if is_raw else passed >= 7.9, f"it took {passed:.1f} s")
        expect(("second signal" in read(case.log_file)) == is_raw, read(case.log_file))


def marked(path: str) -> bool:
    """Whether the daemon says that it stops: by a lock on the last byte that its pid file could have."""
    with open(path, "rb") as file:
        # struct flock: type, whence, start, length, pid
        query = memoryview(bytearray(32)).cast("h")
        query[0], query[1] = fcntl.F_WRLCK, os.SEEK_SET
        numbers = query.cast("B").cast("q")
        numbers[1], numbers[2] = (1 << 63) - 2, 1
        answer = fcntl.fcntl(file, 36, bytes(numbers))  # F_OFD_GETLK
    return int.from_bytes(answer[:2], "little") != fcntl.F_UNLCK


@check("a second raw TERM ends a master whose worker ignores the first")
def raw(case: Case) -> None:
    for start in ("masterd", "workers"):
        if start == "masterd":
            case.configure(section("worker", "web", case.worker("web", "ignore=TERM"), "readiness notify",
                                   "stop-timeout 100s"))
            master = case.start()
        else:
            master = case.start_workers(1, "--fault-main", "ignore-stop", program=case.faultd)
        master.send(signal.SIGTERM)
        expect(eventually(lambda: marked(case.pid_file)), "it has not begun to stop")
        let_pass(1.1)
        master.send(signal.SIGTERM)
        master.ends(None, 8)
        case.expect_nothing_left()
        os.unlink(case.log_file)


@check("QUIT is INT, for a master and for one with workers")
def quits(case: Case) -> None:
    case.configure(section("worker", "web", case.worker("web"), "readiness notify"))
    master = case.start()
    master.send(signal.SIGQUIT)
    master.ends(130)
    os.unlink(case.log_file)
    master = case.start_workers(1)
    master.send(signal.SIGQUIT)
    master.ends(130)


@check("USR1 and USR2 without a handler leave a warning, and nothing else")
def user_signals(case: Case) -> None:
    words = ["--pid-file", case.pid_file, "--log-file", case.log_file, "-b", case.path("socket")]
    expect(case.run(*words, program=case.echod).code == 0, read(case.log_file))
    pid = int(read(case.pid_file))
    for name in ("USR1", "USR2"):
        processes.kill(pid, getattr(signal, f"SIG{name}"))
        expect(eventually(lambda name=name: f"WARNING received SIG{name}" in read(case.log_file)), read(case.log_file))
    expect(processes.alive(pid), "it has ended")
    expect(stopping(case, program=case.echod).wait() == 0, "it does not stop")


@check("a hung master is killed by --stop, though its stop may take a day", slow=True)
def hung(case: Case) -> None:
    case.configure(section("worker", "web", case.worker("web"), "readiness notify"))
    master = case.launch()
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.ptrace(PTRACE_SEIZE, master.pid, 0, 0) != 0 or libc.ptrace(PTRACE_INTERRUPT, master.pid, 0, 0) != 0:
        expect(False, f"ptrace: {os.strerror(ctypes.get_errno())}")
    begin = time.monotonic()
    stop = stopping(case)
    said = stop.communicate()[0]
    expect(stop.returncode == 0 and "ignored SIGTERM for 45s and was killed" in said, f"{stop.returncode}: {said}")
    expect(40 < time.monotonic() - begin < 80, f"it took {time.monotonic() - begin:.0f} s")
    os.waitpid(master.pid, 0x40000000)  # __WALL: its tracer hears of its end
    expect(eventually(lambda: not case.living(), 5), case.left())
    os.unlink(case.control)
    os.unlink(f"{case.pid_file}.children")      # for the next start


@check("a start that fails says why at once, though what it had started takes its time to end")
def failed_start(case: Case) -> None:
    case.configure(
        section("program", "deaf", DEAF, "stop-timeout 25s"),
        section("program", "bad", "/bin/sh -c 'exit 3'", "readiness notify", "start-timeout 5s"))
    begin = time.monotonic()
    outcome = case.run(*case.files, "-c", case.configuration, seconds=60)
    passed = time.monotonic() - begin
    expect(outcome.code == 1 and passed < 20, f"after {passed:.1f} s: {outcome}")
    lines = outcome.err.splitlines()
    expect("with code 3" in lines[0] and "still ends what it had started" in lines[1], str(outcome))
    master = int(read(case.pid_file))
    processes.kill(master, signal.SIGTERM)
    let_pass(1.1)
    processes.kill(master, signal.SIGTERM)
    expect(eventually(lambda: not case.living()), case.left())


def on_terminal(case: Case, *words: str) -> "tuple[int, int]":
    """The pid of a session of its own on a new terminal, and our end of it."""
    with processes.forking:
        pid, end = pty.fork()
        if pid == 0:
            os.chdir(case.directory)
            os.execve(words[0], words, case.environment())
    return pid, end


@check("a daemon in the foreground ends with its terminal, and so do masters; a SIGHUP there is a reload")
def terminal(case: Case) -> None:
    case.configure(section("worker", "web", case.worker("web"), "readiness notify"))
    files = ["--pid-file", case.pid_file, "--log-file", case.log_file]
    for words in ([case.echod, "-f", *files, "-b", case.path("socket")],
                  [case.echod, "-f", *files, "-b", case.path("socket"), "--workers", "1"],
                  [case.masterd, "-f", *files, "-c", case.configuration]):
        pid, end = on_terminal(case, *words)
        expect(eventually(lambda: "listening on" in read(case.log_file) or "Loading success" in read(case.log_file)),
               read(case.log_file))
        expect(eventually(lambda: read(case.pid_file).strip() == str(pid)), read(case.log_file))
        processes.kill(pid, signal.SIGHUP)
        expect(eventually(lambda: "Reopening log files" in read(case.log_file)), read(case.log_file))
        os.close(end)
        code = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
        expect(code == 0, f"{words[0]} ended with {code}")
        expect("the terminal is gone, stopping" in read(case.log_file), read(case.log_file))
        expect(eventually(lambda: not case.living(), 3), case.left())
        os.unlink(case.log_file)


@check("Ctrl-C in a container's terminal is one INT for the daemon: it drains")
def container(case: Case) -> None:
    needs_root()
    files = ["--pid-file", case.pid_file, "--log-file", case.log_file]
    words = ["/usr/bin/unshare", "--pid", "--fork", "--kill-child", "--mount-proc", case.faultd, "-f", *files,
             "--fault-main", "report", "--fault-output", case.path("report")]
    for _ in range(5):
        pid, end = on_terminal(case, *words)
        expect(eventually(lambda: "main " in read(case.path("report"))), read(case.log_file))
        os.write(end, b"\x03")
        os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
        expect("second signal" not in read(case.log_file), read(case.log_file))
        expect("daemon shutdown" in read(case.log_file), read(case.log_file))
        os.close(end)
        for name in (case.log_file, case.path("report")):
            os.unlink(name)
