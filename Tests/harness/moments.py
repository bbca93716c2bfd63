"""Time that passes on purpose. Whatever has to happen is waited for instead: `eventually` and `wait_for`."""

import time


def let_pass(seconds: float) -> None:
    """Until something else is done: the moment at which it comes is what is tried."""
    time.sleep(max(0.0, seconds))


def meanwhile(seconds: float) -> None:
    """The time in which something must not happen, or that a measure or an attack takes: nothing tells its end."""
    time.sleep(max(0.0, seconds))
