"""What may already be in the pid file's place: old content is overwritten, anything but a plain file is refused."""

import os
import stat

from ..callers import with_umask
from ..case import Case, content, exists, expect, read, untouched, write
from .registry import check


def _starts_over(case: Case, old: str) -> None:
    """The daemon starts though the file holds old content, and replaces it."""
    case.write_pid_file(old)
    daemon = case.started()
    text = content(case.place.pid_file)
    expect(text == f"{daemon.pid}\n", f"the file holds {text!r}")


@check()
def pid_file_mode(case: Case) -> None:
    """The pid file's mode is 0600."""
    case.started()
    mode = stat.S_IMODE(os.stat(case.place.pid_file).st_mode)
    expect(mode == 0o600, f"it is {mode:04o}")


@check()
def pid_file_mode_under_a_loose_umask(case: Case) -> None:
    """The caller's umask 0 leaves the pid file closed to others' writing."""
    case.started(with_umask(0))
    mode = stat.S_IMODE(os.stat(case.place.pid_file).st_mode)
    expect(mode & 0o022 == 0, f"its mode is {mode:04o}")


@check()
def stale_pid(case: Case) -> None:
    """A dead pid in the file does not stop a start."""
    _starts_over(case, f"{case.dead_pid()}\n")


@check()
def foreign_pid(case: Case) -> None:
    """The pid of a foreign live process in the file does not stop a start, and that process is sent no signal."""
    stranger = case.stranger()
    _starts_over(case, f"{stranger.pid}\n")
    untouched(stranger)


@check()
def longer_content(case: Case) -> None:
    """Longer old content leaves no rest behind the new pid."""
    _starts_over(case, f"{case.dead_pid()}\n" + "left over from another program\n" * 200)


@check()
def empty_pid_file(case: Case) -> None:
    """An empty pid file does not stop a start."""
    _starts_over(case, "")


@check()
def garbage_in_the_pid_file(case: Case) -> None:
    """Garbage in the pid file does not stop a start."""
    _starts_over(case, "no number at all\n")


@check()
def symbolic_link(case: Case) -> None:
    """A symbolic link in the pid file's place is refused, and its target keeps its content."""
    target = case.path("precious")
    write(target, "precious\n")
    os.symlink(target, case.place.pid_file)
    case.refused()
    expect(read(target) == "precious\n", f"the target now holds {read(target)!r}")
    expect(os.path.islink(case.place.pid_file), "the link is gone")


@check()
def dangling_symbolic_link(case: Case) -> None:
    """A dangling symbolic link in the pid file's place is refused, and its target is not created."""
    target = case.path("elsewhere")
    os.symlink(target, case.place.pid_file)
    case.refused()
    expect(not exists(target), "the target was created")


@check()
def fifo(case: Case) -> None:
    """A fifo in the pid file's place is refused without waiting for its other end."""
    os.mkfifo(case.place.pid_file)
    case.refused()
    expect(stat.S_ISFIFO(os.lstat(case.place.pid_file).st_mode), "the fifo was replaced")


@check()
def directory_in_its_place(case: Case) -> None:
    """A directory in the pid file's place is refused."""
    os.mkdir(case.place.pid_file)
    case.refused()
    expect(os.path.isdir(case.place.pid_file), "the directory is gone")


@check()
def device(case: Case) -> None:
    """A link to a device in the pid file's place is refused."""
    os.symlink("/dev/full", case.place.pid_file)
    case.refused()
