"""The launcher: what it answers, and when."""

import os
import signal
import time

from harness import subreaper
from .. import callers, processes
from ..callers import ignoring, inside
from ..case import Case, content, describe, exists, expect, replace, write
from .registry import check


@check()
def launcher_succeeds(case: Case) -> None:
    """The launcher exits 0 when the daemon runs."""
    outcome = case.launch()
    expect(outcome.status == 0, str(outcome))
    case.daemon()


@check()
def pid_file_is_complete(case: Case) -> None:
    """The pid file holds the pid and a newline, nothing else, at the moment the launcher exits."""
    for number in range(10):
        place = case.new_place(f"run-{number}")
        case.launch(place=place)
        text = content(place.pid_file)
        expect(text == f"{case.daemon(place).pid}\n", f"it holds {text!r}")


@check()
def pid_is_alive(case: Case) -> None:
    """The pid in the file names a live process at the moment the launcher exits."""
    case.launch()
    text = content(case.place.pid_file) or ""
    expect(text.strip().isdigit(), f"the pid file holds {text!r}")
    expect(int(text) in case.living(), f"no process {text.strip()}")


@check()
def pipes_are_let_go(case: Case) -> None:
    """`$(daemon)` returns: nobody holds the caller's pipes once the launcher is gone."""
    reader, writer = os.pipe()
    launcher = callers.start(case.subject.start(case.place), stdio=(0, writer, writer))
    os.close(writer)
    said = callers.read_to_end(reader)
    expect(said is not None, "the pipe stays open")
    status = subreaper.exit_code_of(launcher)
    expect(status == 0, describe(status))
    expect(case.daemon().is_alive, "the daemon is gone")


@check()
def no_zombie_is_left(case: Case) -> None:
    """The launcher reaps its children: no zombie is left to whoever adopts orphans."""
    case.started()
    subreaper.reap()
    adopted = len(subreaper.exits) - 1
    expect(adopted == 0, f"{adopted} left")


@check()
def empty_environment(case: Case) -> None:
    """An empty environment does no harm."""
    case.started(environment={})


@check()
def deleted_working_directory(case: Case) -> None:
    """It starts from a working directory that was deleted."""
    case.started(callers.inside_deleted(case.path("gone")))


@check()
def ignored_child_signal_on_success(case: Case) -> None:
    """A caller that ignores SIGCHLD does not confuse a start that succeeds."""
    case.started(ignoring(signal.SIGCHLD))


@check()
def ignored_child_signal_on_failure(case: Case) -> None:
    """A caller that ignores SIGCHLD does not hide a start that fails."""
    case.refused(ignoring(signal.SIGCHLD), place=replace(case.place, pid_file=case.path("missing/daemon.pid")))


@check()
def unusual_paths(case: Case) -> None:
    """Paths may hold blanks, quotes, percent signs and letters beyond ASCII."""
    place = case.new_place("a b'\"%s $HOME ü")
    daemon = case.started(place=place)
    expect(content(place.pid_file) == f"{daemon.pid}\n", f"the pid file holds {content(place.pid_file)!r}")


@check()
def relative_pid_file(case: Case) -> None:
    """A relative pid file means the caller's directory, though the daemon leaves it; or it is refused."""
    name = f"conformance-{os.getpid()}.pid"
    strays = [os.path.join("/", name)]
    try:
        outcome = case.launch(inside(case.directory), place=replace(case.place, pid_file=name))
        if outcome.status:
            expect(not case.living() and not exists(case.path(name)), f"{outcome}, but something is left")
            return
        case.daemon(replace(case.place, pid_file=case.path(name)))
    finally:
        for path in filter(exists, strays):
            os.unlink(path)


@check()
def standard_descriptors_may_be_closed(case: Case) -> None:
    """It starts with any of the descriptors 0, 1 and 2 closed, and gives the daemon valid ones."""
    for number, closed in enumerate([(0,), (1,), (2,), (0, 1), (0, 2), (1, 2), (0, 1, 2)]):
        place = case.new_place(f"run-{number}")
        daemon = case.started(callers.closing(*closed), place=place)
        targets = [daemon.target(descriptor) for descriptor in (0, 1, 2)]
        expected = ["/dev/null", place.log_file]
        expect(targets[0] == "/dev/null" and all(target in expected for target in targets),
               f"with {closed} closed the daemon has {targets}")


@check()
def few_descriptors(case: Case) -> None:
    """It starts under RLIMIT_NOFILE 64 and closes an inherited descriptor 60."""
    stray = case.path("stray")
    write(stray, "")
    daemon = case.started(callers.holding(stray, 60), callers.limited_to(64))
    expect(not daemon.has_open(processes.identity_of(stray)), "descriptor 60 is still open")


@check()
def many_descriptors(case: Case) -> None:
    """A million descriptors allowed, or as many as the caller may, do not slow the start down to seconds."""
    begin = time.monotonic()
    case.started(callers.limited_to(1_000_000))
    seconds = time.monotonic() - begin
    expect(seconds < 2, f"it takes {seconds:.1f} s")
