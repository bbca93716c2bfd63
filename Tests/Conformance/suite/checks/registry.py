"""The list of checks, in the order in which they are written down."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Callable, List, Tuple

from ..case import Case


@dataclass(frozen=True)
class Check:
    """One function that raises when the subject does not keep a promise; the first line of its text is the promise."""
    function: Callable[[Case], None]
    needs: Tuple[str, ...]

    @property
    def name(self) -> str:
        return self.function.__doc__.strip().splitlines()[0].rstrip(".")


ALL: List[Check] = []


def check(*needs: str) -> Callable[[Callable[[Case], None]], Callable[[Case], None]]:
    """Registers a check. A subject that `lacks` one of its needs is not asked."""
    def register(function: Callable[[Case], None]) -> Callable[[Case], None]:
        ALL.append(Check(function, needs))
        return function
    return register
