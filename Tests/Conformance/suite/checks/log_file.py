"""The log: private, appended to, and reopened at SIGHUP."""

import os
import signal
import stat

from ..callers import inside, with_small_files
from ..case import Case, Process, eventually, expect, exists, identity_of, read, replace, write
from .registry import check


@check("log")
def log_mode(case: Case) -> None:
    """The log is created with mode 0600."""
    case.started()
    mode = stat.S_IMODE(os.stat(case.place.log_file).st_mode)
    expect(mode == 0o600, f"it is {mode:04o}")


@check("log")
def log_is_appended_to(case: Case) -> None:
    """What is in the log already stays there."""
    write(case.place.log_file, "yesterday's line\n")
    case.started()
    text = read(case.place.log_file)
    expect(text.startswith("yesterday's line\n"), f"it now begins with {text[:40]!r}")


@check("reopening")
def log_is_reopened(case: Case) -> None:
    """SIGHUP opens a new log where the old one was renamed, and lets go of the old one."""
    daemon = case.started()
    old = identity_of(case.place.log_file)
    _rotate(case, daemon, case.path("daemon.log.1"))
    released = eventually(lambda: not daemon.has_open(old))
    expect(released, "the old log is still open")
    expect(daemon.is_alive, "it is gone")


@check("reopening")
def reopening_leaks_nothing(case: Case) -> None:
    """Twenty reopened logs cost no descriptor."""
    daemon = case.started()
    _rotate(case, daemon, case.path("first"))
    before = daemon.descriptors()     # perhaps with one that the first reopening is about to close
    for number in range(20):
        _rotate(case, daemon, case.path(f"rotated-{number}"))
    steady = eventually(lambda: len(daemon.descriptors()) <= len(before))
    expect(steady, f"{len(before)} descriptors have become {len(daemon.descriptors())}")


@check("reopening")
def reopening_that_fails(case: Case) -> None:
    """When the new log cannot be opened the old one is kept, and says so; the next SIGHUP can succeed."""
    daemon = case.started()
    logs, moved = os.path.dirname(case.place.log_file), case.path("moved")
    old = identity_of(case.place.log_file)
    os.rename(logs, moved)
    kept = os.path.join(moved, os.path.basename(case.place.log_file))
    size = os.path.getsize(kept)
    daemon.send(signal.SIGHUP)
    expect(eventually(lambda: os.path.getsize(kept) > size), "the old log says nothing")
    expect(daemon.is_alive and daemon.has_open(old), "the old log is closed")
    os.mkdir(logs)
    daemon.send(signal.SIGHUP)
    expect(eventually(lambda: daemon.has_open(identity_of(case.place.log_file))), "the new log is not opened later")


@check("reopening")
def log_at_its_limit(case: Case) -> None:
    """A log that has reached RLIMIT_FSIZE (SIGXFSZ) does not end the daemon: the next SIGHUP opens another one."""
    limit = 1 << 16
    daemon = case.started(with_small_files(limit))
    os.rename(case.place.log_file, case.path("before"))
    write(case.place.log_file, "x" * (limit - 1) + "\n")
    full = identity_of(case.place.log_file)
    daemon.send(signal.SIGHUP)
    expect(eventually(lambda: daemon.has_open(full)), "the full log is not opened")
    _rotate(case, daemon, case.path("full"))
    expect(daemon.is_alive, "it is gone")


@check("reopening")
def relative_log(case: Case) -> None:
    """A relative log means the caller's directory, also when it is reopened; or it is refused."""
    name = f"conformance-{os.getpid()}.log"
    try:
        outcome = case.launch(inside(case.directory), place=replace(case.place, log_file=name))
        if outcome.status:
            expect(not case.living() and not exists(case.path(name)), f"{outcome}, but something is left")
            return
        expect(exists(case.path(name)), "the log is not in the caller's directory")
        case.place = replace(case.place, log_file=case.path(name))
        _rotate(case, case.daemon(), case.path("rotated"))
    finally:
        if exists(f"/{name}"):
            os.unlink(f"/{name}")


def _rotate(case: Case, daemon: Process, aside: str) -> None:
    """Renames the log, sends SIGHUP, and waits until the daemon has the new one open."""
    os.rename(case.place.log_file, aside)
    daemon.send(signal.SIGHUP)

    def reopened() -> bool:
        identity = identity_of(case.place.log_file)
        return identity is not None and daemon.has_open(identity)

    expect(eventually(reopened), "no new log is opened")
