"""Section 3: pid file, status file and Unix sockets: what is in them, who may remove them."""

import fcntl
import os
import re
import shutil
import socket

from harness.checks import check, expect, read
from harness.clients import connect
from harness.ports import free_port
from harness.processes import eventually, kill
from ..case import Case


def locked(path: str) -> bool:
    """Whether somebody holds the flock(2) of the file."""
    with open(path, "r+b") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return False
        except BlockingIOError:
            return True


@check("the pid file holds the pid and a newline, and stays locked")
def pid_file(case: Case) -> None:
    case.write("pid", "99999999 an older and longer text\n")
    daemon = case.serving(*case.files)
    expect(read(case.pid_file) == f"{daemon.pid}\n", f"{read(case.pid_file)!r}")
    for _ in range(2):
        expect(locked(case.pid_file), "it is not locked")
        daemon.reload()


@check("the pid file is there before the worker is started")
def pid_file_first(case: Case) -> None:
    case.start(f"--pid-file={case.pid_file}", program=["sh", "-c", "cat pid > seen; exec sleep 1000"])
    expect(eventually(lambda: read(case.path("seen"))) == f"{case.running[0].pid}\n", f"{read(case.path('seen'))!r}")


@check("the workers do not hold the pid file's lock")
def lock_is_not_inherited(case: Case) -> None:
    daemon = case.serving("--port=0", *case.files)
    worker = case.generation(1)
    daemon.send(9)
    daemon.ends(-9)
    expect(worker.is_alive, "the worker has gone")
    expect(not locked(case.pid_file), "the worker holds it")
    kill(worker.pid)
    case.may_leave_files = True


@check("the status file has one GENERATION:PID line per live worker, by generation", slow=True)
def status_file(case: Case) -> None:
    daemon = case.serving("--port=0", *case.files, worker=["when=9,10", "drain=3"])
    seen = []
    for generation in range(1, 12):
        case.generation(generation, daemon)
        seen.append(read(case.status_file))
        if generation < 11:
            daemon.reload()
    expect(all(re.fullmatch(r"(\d+:\d+\n)+", each) for each in seen), f"{seen}")
    pids = [each.pid for each in case.workers()]
    text = "".join(f"{generation}:{pids[generation - 1]}\n" for generation in (9, 10, 11))
    daemon.line(r"old worker \d+ died, status:0", 8)
    expect(sorted(read(case.status_file).split()) == sorted(text.split()), f"{read(case.status_file)!r}, not {text!r}")
    case.note("by generation" if read(case.status_file) == text else "not by generation")


@check("beyond nine generations the status file is still in numeric order", known="it sorts them as text", slow=True)
def status_order(case: Case) -> None:
    status_file(case)
    expect("not by generation" not in case.notes, "the lines are in another order")


@check("the status file is never seen empty or half written")
def status_is_whole(case: Case) -> None:
    daemon = case.serving("--port=0", *case.files)
    seen = set()
    for generation in range(2, 6):
        daemon.hup()
        while not any(each.generation == generation for each in case.workers()):
            seen.add(read(case.status_file))
            daemon.still_runs()
        daemon.line("killing old workers", generation - 1)
    torn = [each for each in seen if not re.fullmatch(r"(\d+:\d+\n)+", each)]
    expect(not torn, f"{torn}")


@check("the status file shrinks with each worker that ends, and is removed at last", slow=True)
def status_at_stop(case: Case) -> None:
    daemon = case.serving("--port=0", *case.files, worker=["when=1", "drain=1", "when=2", "drain=2.5"])
    daemon.reload()
    second = case.generation(2, daemon)
    daemon.send(15)
    text = f"2:{second.pid}\n"
    expect(eventually(lambda: read(case.status_file) == text), f"{read(case.status_file)!r}, not {text!r}")
    daemon.ends(0)
    case.expect_no_files()


@check("a start that fails leaves an older status file alone")
def foreign_status(case: Case) -> None:
    case.write("status", "7:1\n")
    case.refused(f"--status-file={case.status_file}", "--path=missing/a", code=2)
    expect(read(case.status_file) == "7:1\n", f"{read(case.status_file)!r}")


@check("files of a killed superdaemon are taken over")
def stale_files(case: Case) -> None:
    case.write("pid", "99999999\n")
    case.write("status", "5:99999998\n6:99999999\n")
    daemon = case.serving("--port=0", *case.files)
    expect(read(case.pid_file) == f"{daemon.pid}\n", f"{read(case.pid_file)!r}")
    expect(eventually(lambda: read(case.status_file) == f"1:{case.generation(1).pid}\n"), read(case.status_file))


@check("the next start after a superdaemon that was killed says so, and one after a stop does not", ours=True)
def told_of_death(case: Case) -> None:
    files = ("--port=0", f"--pid-file={case.pid_file}")
    case.write("pid", "99999999\n")
    message = f"the last start_server (pid 99999999) died: it has left pid file {case.pid_file} behind"
    first = case.serving(*files)
    first.line(re.escape(message))
    first.stop()
    second = case.serving(*files)
    expect(message not in second.log, second.log)


@check("a pid file that somebody else has put there is left at the end", known="it removes whatever is there")
def replaced_pid_file(case: Case) -> None:
    daemon = case.serving("--port=0", f"--pid-file={case.pid_file}")
    case.write("pid", "1\n")
    daemon.stop()
    expect(read(case.pid_file) == "1\n", "it is removed")
    os.unlink(case.pid_file)


@check("a socket that somebody else has put there is left at the end", known="it removes whatever is there")
def replaced_socket(case: Case) -> None:
    daemon = case.serving(f"--path={case.socket}")
    os.unlink(case.socket)
    with socket.socket(socket.AF_UNIX) as sock:
        sock.bind(case.socket)
        sock.listen()
        daemon.stop()
        expect(os.path.exists(case.socket), "it is removed")
    os.unlink(case.socket)


@check("files that are gone at the end do no harm")
def vanished(case: Case) -> None:
    daemon = case.serving("--port=0", *case.files, f"--path={case.socket}")
    for path in (case.pid_file, case.status_file, case.socket):
        os.unlink(path)
    daemon.stop()


@check("a second start with the same pid file is refused at once, the first one untouched",
       known="it truncates the pid file, binds and blocks")
def second_start(case: Case) -> None:
    port = free_port()
    daemon = case.serving("--port=0", *case.files)
    case.refused(f"--port={port}", *case.files, seconds=3)
    expect(read(case.pid_file) == f"{daemon.pid}\n", f"the pid file holds {read(case.pid_file)!r}")
    expect(read(case.status_file) == f"1:{case.generation(1).pid}\n", f"status file {read(case.status_file)!r}")
    expect(locked(case.pid_file), "it is not locked any more")
    expect(len(case.workers()) == 1, f"{case.workers()}")
    try:
        connect(("127.0.0.1", port)).close()
        expect(False, "the second one's port is bound")
    except ConnectionRefusedError:
        pass
    case.ask(case.generation(1))


@check("a second start on a live Unix socket is refused, the first one untouched", known="it steals the socket")
def second_path(case: Case) -> None:
    daemon = case.serving(f"--path={case.socket}")
    worker = case.generation(1)
    before = os.stat(case.socket)
    outcome = case.refused(f"--path={case.socket}", seconds=3)
    expect(case.socket in outcome.err, f"the reason does not name it: {outcome}")
    after = os.stat(case.socket)
    expect((before.st_dev, before.st_ino) == (after.st_dev, after.st_ino), "another socket lies there")
    expect(case.ask(worker) == (1, worker.pid), "somebody else answers")
    daemon.reload()


@check("a live socket that is only full is not taken for a stale one", known="it steals the socket")
def full_socket(case: Case) -> None:
    with socket.socket(socket.AF_UNIX) as sock:
        sock.bind(case.socket)
        sock.listen(0)
        clients = [socket.socket(socket.AF_UNIX) for _ in range(3)]
        for each in clients:
            each.setblocking(False)
            try:
                each.connect(case.socket)
            except BlockingIOError:
                pass
        before = os.stat(case.socket).st_ino
        outcome = case.refused(f"--path={case.socket}", seconds=4)
        expect(case.socket in outcome.err, f"the reason does not name it: {outcome}")
        expect(os.stat(case.socket).st_ino == before, "another socket lies there")
        for each in clients:
            each.close()
    os.unlink(case.socket)


@check("a regular file given as --path is refused and stays", known="it is deleted")
def regular_file(case: Case) -> None:
    path = case.write("precious", "text\n")
    outcome = case.refused(f"--path={path}", seconds=3)
    expect(path in outcome.err, f"the reason does not name it: {outcome}")
    expect(read(path) == "text\n", "it is gone")


@check("a status file that cannot be written any more does not end it", known="it ends and orphans the worker")
def unwritable_status(case: Case) -> None:
    os.mkdir(case.path("run"))
    daemon = case.serving("--port=0", f"--status-file={case.path('run', 'status')}")
    first = case.generation(1)
    daemon.wait(lambda: os.path.exists(case.path("run", "status")), "a status file")
    shutil.rmtree(case.path("run"))
    daemon.reload()
    second = case.generation(2, daemon)
    case.answered(second, 2)
    expect(eventually(lambda: not first.is_alive), "the old worker lives on")
    daemon.reload()
    case.answered(case.generation(3, daemon), 3)


@check("a status file in a missing directory ends in a refusal or in service, never in an orphan",
       known="it ends and orphans the worker")
def missing_status(case: Case) -> None:
    daemon = case.start("--port=0", "--status-file=missing/status")
    ended = eventually(lambda: daemon.code() is not None, 1.5)
    if ended:
        expect(daemon.code() not in (None, 0), f"it ended with {daemon.code()}")
        expect(eventually(lambda: not case.living(), 2), "the worker lives on")
    else:
        case.answered(case.generation(1, daemon), 1)
