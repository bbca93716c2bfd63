"""The daemon: alone, in a session of its own, away from the caller's terminal and directory."""

import os
import signal

from ..case import Case, eventually, expect
from .registry import check


@check()
def only_one_process_remains(case: Case) -> None:
    """Exactly one process remains, the one in the pid file."""
    daemon = case.started()
    alone = eventually(lambda: case.living() == {daemon.pid})
    expect(alone, f"{sorted(case.living())} run, the pid file names {daemon.pid}")


@check()
def parent_is_init(case: Case) -> None:
    """Its parent is init, or the subreaper in its place."""
    daemon = case.started()
    adopted = eventually(lambda: daemon.parent in (1, os.getpid()))
    expect(adopted, f"its parent is {daemon.parent}")


@check()
def new_session(case: Case) -> None:
    """It is in a session of its own, not the caller's."""
    session = case.started().session
    expect(session not in (0, os.getsid(0)), "it is in the caller's session")


@check()
def not_session_leader(case: Case) -> None:
    """It does not lead its session, so that it can never get a controlling terminal."""
    daemon = case.started()
    expect(daemon.session != daemon.pid, "it leads its session")


@check()
def new_group(case: Case) -> None:
    """It is in a process group of its own, not the caller's."""
    group = case.started().group
    expect(group != os.getpgrp(), "it is in the caller's group")


@check()
def no_controlling_terminal(case: Case) -> None:
    """It has no controlling terminal when started on one, nor that terminal's session or group."""
    terminal, daemon = case.on_terminal()
    expect(daemon.terminal == 0, f"its terminal is {daemon.terminal:#x}")
    expect(daemon.session != terminal.leader.session, "it is in the terminal's session")
    expect(daemon.group != terminal.leader.group, "it is in the terminal's foreground group")


@check()
def terminal_is_let_go(case: Case) -> None:
    """It keeps no descriptor of the terminal it was started on."""
    terminal, daemon = case.on_terminal()
    held = [number for number, identity in daemon.descriptors().items() if identity == terminal.identity]
    expect(not held, f"descriptors {held} are the terminal")


@check()
def hangup_of_the_terminal(case: Case) -> None:
    """It lives on when the terminal it was started on hangs up."""
    terminal, daemon = case.on_terminal()
    expect(terminal.hang_up(), "the terminal's leader did not end; the suite is wrong")
    expect(daemon.survives(signal.SIGHUP), "it is gone")


@check()
def works_in_root(case: Case) -> None:
    """Its working directory is /."""
    directory = case.started().working_directory
    expect(directory == "/", f"its working directory is {directory}")


@check()
def standard_input_is_null(case: Case) -> None:
    """Its standard input is /dev/null."""
    target = case.started().target(0)
    expect(target == "/dev/null", f"descriptor 0 is {target}")


@check()
def standard_output_is_its_own(case: Case) -> None:
    """Its standard output and error are open, and not the caller's."""
    daemon = case.started()
    targets = [daemon.target(number) for number in (1, 2)]
    expect("closed" not in targets, f"descriptors 1 and 2 are {targets}")
    expect(not any(target.startswith(case.path("launch-")) for target in targets), f"descriptors 1 and 2 are {targets}")


@check("log")
def output_goes_to_the_log(case: Case) -> None:
    """Its standard output and error go to the log, so that a crash's last words are kept."""
    daemon = case.started()
    targets = [daemon.target(number) for number in (1, 2)]
    expect(targets == [case.place.log_file] * 2, f"descriptors 1 and 2 are {targets}")
