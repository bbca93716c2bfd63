"""How the daemon ends, and what it takes along."""

import os
import signal

from ..case import Case, content, exists, expect, write
from .registry import check


@check()
def termination(case: Case) -> None:
    """SIGTERM ends it."""
    daemon = case.started()
    daemon.send(signal.SIGTERM)
    expect(daemon.has_ended(), "it runs on")
    expect(not case.living(), f"{sorted(case.living())} run on")


@check("cleaning up")
def pid_file_is_removed(case: Case) -> None:
    """SIGTERM removes the pid file, and whatever else the daemon put beside it."""
    daemon = case.started()
    daemon.send(signal.SIGTERM)
    expect(daemon.has_ended(), "it runs on")
    left = os.listdir(case.place.directory)
    expect(not left, f"left: {sorted(left)}")


@check("cleaning up")
def successor_keeps_its_pid_file(case: Case) -> None:
    """Its end does not remove a pid file that another one has put in the place of its own."""
    daemon = case.started()
    successor = f"{case.dead_pid()}\n"
    write(case.path("successor"), successor)
    os.rename(case.path("successor"), case.place.pid_file)
    daemon.send(signal.SIGTERM)
    expect(daemon.has_ended(), "it runs on")
    expect(content(case.place.pid_file) == successor, "the successor's pid file is gone")


@check("cleaning up")
def removed_pid_file(case: Case) -> None:
    """Its end is a clean one though somebody removed the pid file, and none is created anew."""
    daemon = case.started()
    os.unlink(case.place.pid_file)
    daemon.send(signal.SIGTERM)
    expect(daemon.has_ended(), "it runs on")
    expect(not exists(case.place.pid_file), "the pid file is back")


@check("hangup")
def hangup(case: Case) -> None:
    """SIGHUP does not end it."""
    daemon = case.started()
    daemon.send(signal.SIGHUP)
    expect(daemon.survives(signal.SIGHUP), "it is gone")


@check("hangup")
def termination_right_after_a_hangup(case: Case) -> None:
    """SIGTERM right after SIGHUP ends it."""
    daemon = case.started()
    daemon.send(signal.SIGHUP)
    daemon.send(signal.SIGTERM)
    expect(daemon.has_ended(), "it runs on")
