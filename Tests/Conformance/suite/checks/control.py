"""The subject's own commands to ask for the status and to stop, with the LSB's exit codes."""

import signal

from ..case import Case, exists, expect, untouched
from .registry import check


def _expect_status(case: Case, code: int) -> None:
    outcome = case.launch(command=case.subject.status(case.place))
    expect(outcome.status == code, f"not {code}: {outcome}")


@check("status")
def status_of_a_running_daemon(case: Case) -> None:
    """The status of a running daemon is 0."""
    case.started()
    _expect_status(case, 0)


@check("status")
def status_of_no_daemon(case: Case) -> None:
    """The status is 3 where nothing runs and no pid file is."""
    _expect_status(case, 3)


@check("status")
def status_of_a_killed_daemon(case: Case) -> None:
    """The status is 1 after kill -9, when the pid file is left."""
    daemon = case.started()
    daemon.send(signal.SIGKILL)
    expect(daemon.has_ended(), "SIGKILL did not end it")
    _expect_status(case, 1)


@check("status")
def status_with_a_foreign_pid(case: Case) -> None:
    """The status is 1 when the pid file names a foreign live process, which is sent no signal."""
    stranger = case.stranger()
    case.write_pid_file(f"{stranger.pid}\n")
    _expect_status(case, 1)
    untouched(stranger)


@check("stopping")
def stop(case: Case) -> None:
    """The stop command exits 0 when the daemon has ended, not earlier, and its pid file is gone."""
    daemon = case.started()
    outcome = case.launch(command=case.subject.stop(case.place))
    expect(outcome.status == 0, str(outcome))
    expect(not daemon.is_alive, "the daemon still runs")
    expect(not exists(case.place.pid_file), "the pid file is left")


@check("stopping")
def stop_and_start(case: Case) -> None:
    """A start right behind the stop command succeeds."""
    for _ in range(3):
        case.started()
        outcome = case.launch(command=case.subject.stop(case.place))
        expect(outcome.status == 0, str(outcome))
    case.started()


@check("stopping")
def stop_with_a_foreign_pid(case: Case) -> None:
    """The stop command sends no signal to a foreign live process that the pid file names."""
    stranger = case.stranger()
    case.write_pid_file(f"{stranger.pid}\n")
    case.launch(command=case.subject.stop(case.place))
    untouched(stranger)
