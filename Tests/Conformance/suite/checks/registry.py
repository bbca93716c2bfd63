"""How a module names its checks: the first line of a function's text is the promise."""

from __future__ import annotations

from typing import Callable

from harness.checks import ALL, Check, section_of
from ..case import Case


def check(*needs: str) -> Callable[[Callable[[Case], None]], Callable[[Case], None]]:
    """Registers a check. A subject that `lacks` one of its needs is not asked."""
    def register(function: Callable[[Case], None]) -> Callable[[Case], None]:
        def run(case: Case) -> None:
            case.subject.expect_promise(needs)
            function(case)
        promise = function.__doc__.strip().splitlines()[0].rstrip(".")
        ALL.append(Check(section_of(function), promise, run))
        return function
    return register
