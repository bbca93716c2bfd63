"""The list of checks, in the order of their modules."""

from dataclasses import dataclass
from typing import Callable, List, Optional

from .case import Case


@dataclass(frozen=True)
class Check:
    name: str
    """Its section of the specification, a colon, and one sentence."""
    run: Callable[[Case], None]
    ours: bool
    """It needs what only our start_server has: not applicable to the original."""
    known: Optional[str]
    """Why the original fails it, when it is known to."""
    slow: bool
    """It takes some seconds, or keeps the processors busy."""


ALL: List[Check] = []


def check(sentence: str, ours: bool = False, known: Optional[str] = None, slow: bool = False):
    def register(function: Callable[[Case], None]) -> Callable[[Case], None]:
        section = function.__module__.rsplit(".", 1)[-1].replace("_", " ")
        ALL.append(Check(f"{section}: {sentence}", function, ours, known, slow))
        return function
    return register
