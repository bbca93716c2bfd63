"""What a sloppy caller hands down, and a daemon must not keep."""

import signal
from typing import Set

from .. import callers
from ..callers import blocking, ignoring, with_umask
from ..case import Case, expect, identity_of, write
from .registry import check


def listed(signals: Set[int]) -> str:
    """The signals' names, or how many there are when that says more."""
    if len(signals) > 8:
        return f"{len(signals)} signals"
    return ", ".join(signal.Signals(number).name for number in sorted(signals))


@check()
def blocked_signals(case: Case) -> None:
    """Signals that the caller blocks are not blocked in the daemon."""
    blocked = case.started(blocking(*callers.all_signals_but())).signals("SigBlk")
    expect(not blocked, f"blocked: {listed(blocked)}")


@check()
def blocked_termination(case: Case) -> None:
    """Started with SIGTERM blocked, it can still be stopped with SIGTERM."""
    daemon = case.started(blocking(signal.SIGTERM))
    daemon.send(signal.SIGTERM)
    expect(daemon.has_ended(), "it runs on")


@check()
def ignored_signals(case: Case) -> None:
    """Signals that the caller ignores are not ignored in the daemon, but for those it always ignores."""
    own = case.started(place=case.new_place("plain")).signals("SigIgn")
    every = callers.all_signals_but(signal.SIGCHLD)
    ignored = case.started(ignoring(*every), place=case.new_place("ignoring")).signals("SigIgn")
    expect(ignored <= own, f"ignored: {listed(ignored - own)}")


@check()
def nothing_is_ignored(case: Case) -> None:
    """No signal but SIGPIPE is ignored in the daemon."""
    ignored = case.started().signals("SigIgn") - {signal.SIGPIPE}
    expect(not ignored, f"ignored: {listed(ignored)}")


@check()
def stray_descriptors(case: Case) -> None:
    """Descriptors 3, 9, 57 and 500 that the caller left open are closed."""
    stray = case.path("stray")
    write(stray, "")
    daemon = case.started(callers.limited_to(1024), callers.holding(stray, 3, 9, 57, 500))
    identity = identity_of(stray)
    held = [number for number, found in daemon.descriptors().items() if found == identity]
    expect(not held, f"still open: {sorted(held)}")


@check()
def stray_descriptors_above_the_limit(case: Case) -> None:
    """Descriptors above a limit that was lowered after they were opened are closed too."""
    stray = case.path("stray")
    write(stray, "")
    daemon = case.started(callers.limited_to(1024), callers.holding(stray, 500), callers.limited_to(64))
    expect(not daemon.has_open(identity_of(stray)), "descriptor 500 is still open")


@check()
def loose_umask(case: Case) -> None:
    """The caller's umask 0 is not kept: group and others may not write to what the daemon creates."""
    umask = case.started(with_umask(0)).umask
    expect(umask & 0o022 == 0o022, f"its umask is {umask:03o}")


@check()
def umask_is_fixed(case: Case) -> None:
    """The umask does not depend on the caller's."""
    loose = case.started(with_umask(0), place=case.new_place("loose")).umask
    tight = case.started(with_umask(0o277), place=case.new_place("tight")).umask
    expect(loose == tight, f"it is {loose:03o} under 000 and {tight:03o} under 277")


@check()
def umask_is_private(case: Case) -> None:
    """The umask is 077."""
    umask = case.started().umask
    expect(umask == 0o077, f"it is {umask:03o}")
