"""One daemon for one pid file, however often and however fast it is started."""

import fcntl
import os
import signal
from typing import List, Optional, Set

from .. import callers
from ..case import Case, Place, content, create, eventually, exists, expect, pid_in, write
from .registry import check


@check()
def second_start(case: Case) -> None:
    """A second start is refused with a message, and leaves one daemon."""
    case.started()
    case.refused()
    expect(len(case.living()) == 1, f"{sorted(case.living())} run")


@check()
def refusal_names_the_owner(case: Case) -> None:
    """The refusal of a second start names the pid that runs."""
    daemon = case.started()
    said = case.refused().said
    expect(str(daemon.pid) in said, f"pid {daemon.pid} is not in '{said}'")


@check()
def refusal_disturbs_nobody(case: Case) -> None:
    """A refused second start leaves the first daemon and its pid file as they were."""
    daemon = case.started()
    before = os.stat(case.place.pid_file)
    case.refused()
    after = os.stat(case.place.pid_file)
    expect(content(case.place.pid_file) == f"{daemon.pid}\n", f"the file holds {content(case.place.pid_file)!r}")
    expect((before.st_ino, before.st_mtime_ns) == (after.st_ino, after.st_mtime_ns), "the pid file was written")
    expect(daemon.is_alive, "the first daemon is gone")


@check("log")
def refusal_keeps_out_of_the_log(case: Case) -> None:
    """A refused second start does not touch the running daemon's log."""
    case.started()
    os.rename(case.place.log_file, case.path("renamed.log"))     # whoever opens the log now creates it anew
    case.refused()
    expect(not exists(case.place.log_file), "it opened the log")


@check()
def second_start_with_emptied_pid_file(case: Case) -> None:
    """A second start is refused even when somebody emptied the pid file."""
    case.started()
    write(case.place.pid_file, "")
    case.refused()


@check()
def lock_tells(case: Case) -> None:
    """flock(1) on the pid file tells whether the daemon runs."""
    daemon = case.started()
    expect(_is_locked(case.place.pid_file), "not locked while the daemon runs")
    daemon.send(signal.SIGKILL)
    expect(daemon.has_ended(), "SIGKILL did not end it")
    expect(not _is_locked(case.place.pid_file), "locked when the daemon is gone")


def _is_locked(path: str) -> bool:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(descriptor)
    return False


@check()
def simultaneous_starts(case: Case) -> None:
    """Of 20 simultaneous starts exactly one wins, and the pid file names the winner; five times over."""
    earlier: Set[int] = set()
    for number in range(5):
        place = case.new_place(f"run-{number}")
        winners = _start_at_once(case, place, 20).count(0)
        daemon = case.daemon(place)
        expect(winners == 1, f"{winners} launchers exit 0")
        alone = eventually(lambda: case.living() - earlier == {daemon.pid})
        expect(alone, f"{sorted(case.living() - earlier)} run, the pid file names {daemon.pid}")
        earlier.add(daemon.pid)


def _start_at_once(case: Case, place: Place, count: int) -> List[Optional[int]]:
    """The exit codes of many launchers that leave at one moment."""
    gate, opener = os.pipe()
    output = create(case.path("output"))
    steps = [callers.closing(opener), callers.after(gate)]
    launchers = [callers.start(case.subject.start(place), steps, (0, output, output)) for _ in range(count)]
    for descriptor in (opener, gate, output):
        os.close(descriptor)
    return callers.exit_codes(launchers)


@check()
def start_after_kill(case: Case) -> None:
    """It starts again after kill -9."""
    first = case.started()
    first.send(signal.SIGKILL)
    expect(first.has_ended(), "SIGKILL did not end it")
    second = case.started()
    expect(content(case.place.pid_file) == f"{second.pid}\n", f"the file holds {content(case.place.pid_file)!r}")


@check()
def start_after_termination(case: Case) -> None:
    """It starts again as soon as SIGTERM has ended it."""
    for _ in range(5):
        daemon = case.started()
        daemon.send(signal.SIGTERM)
        expect(daemon.has_ended(), "SIGTERM does not end it")


@check()
def instances_side_by_side(case: Case) -> None:
    """Two instances with pid files of their own run side by side."""
    first, second = case.started(), case.started(place=case.new_place("other"))
    expect(first.is_alive and second.is_alive, "one of them is gone")
    expect(pid_in(case.place.pid_file) == first.pid, "the second start wrote the first one's pid file")
