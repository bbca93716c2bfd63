"""A start that fails says so, names the cause, and leaves nothing behind."""

import os

from ..case import Case, exists, expect, replace
from .registry import check


@check()
def missing_directory(case: Case) -> None:
    """A pid file in a missing directory is refused, with a message that names the path."""
    path = case.path("missing/daemon.pid")
    said = case.refused(place=replace(case.place, pid_file=path)).said
    expect(os.path.dirname(path) in said, f"the path is not in '{said}'")
    expect(not exists(os.path.dirname(path)), "the directory was created")


@check()
def full_disk(case: Case) -> None:
    """A disk too full for the pid is refused, and leaves no empty pid file."""
    disk = case.disk("disk", "size=4k")
    with open(os.path.join(disk, "filler"), "wb") as filler:
        filler.write(b"x" * 4096)
    case.refused(place=replace(case.place, pid_file=os.path.join(disk, "daemon.pid")))
    expect(os.listdir(disk) == ["filler"], f"left on the disk: {sorted(os.listdir(disk))}")


@check()
def read_only_disk(case: Case) -> None:
    """A pid file on a read-only disk is refused."""
    case.refused(place=replace(case.place, pid_file=os.path.join(case.disk("disk", "", read_only=True), "daemon.pid")))


@check("log")
def log_in_a_missing_directory(case: Case) -> None:
    """A log in a missing directory is refused, and leaves no pid file."""
    case.refused(place=replace(case.place, log_file=case.path("missing/daemon.log")))
    expect(not exists(case.place.pid_file), "the pid file is left")


@check("log")
def log_refusal_names_the_path(case: Case) -> None:
    """The refusal of a log names its path."""
    path = case.path("missing/daemon.log")
    said = case.refused(place=replace(case.place, log_file=path)).said
    expect(path in said, f"the path is not in '{said}'")


@check("log")
def log_is_a_directory(case: Case) -> None:
    """A directory in the log's place is refused, and leaves no pid file."""
    os.mkdir(case.place.log_file)
    case.refused()
    expect(not exists(case.place.pid_file), "the pid file is left")


@check("log")
def log_is_a_fifo(case: Case) -> None:
    """A fifo in the log's place is refused without waiting for a reader, and leaves no pid file."""
    os.mkfifo(case.place.log_file)
    case.refused()
    expect(not exists(case.place.pid_file), "the pid file is left")


@check("log")
def log_is_a_symbolic_link(case: Case) -> None:
    """A symbolic link in the log's place is refused, and its target is not created."""
    target = case.path("elsewhere")
    os.symlink(target, case.place.log_file)
    case.refused()
    expect(not exists(target), "the target was created")
    expect(not exists(case.place.pid_file), "the pid file is left")


@check()
def message_on_standard_error(case: Case) -> None:
    """A refusal is said on standard error, and nothing on standard output."""
    outcome = case.refused(place=replace(case.place, pid_file=case.path("missing/daemon.pid")))
    expect(outcome.err and not outcome.out, f"standard output: {outcome.out!r}, standard error: {outcome.err!r}")


@check()
def one_line(case: Case) -> None:
    """A refusal is one line."""
    outcome = case.refused(place=replace(case.place, pid_file=case.path("missing/daemon.pid")))
    lines = (outcome.err + outcome.out).splitlines()
    expect(len(lines) == 1, f"{len(lines)} lines: {lines}")


@check()
def start_after_a_failed_start(case: Case) -> None:
    """A start that failed does not stand in the way of the next one."""
    os.mkdir(case.place.pid_file)
    case.refused()
    os.rmdir(case.place.pid_file)
    case.started()
