"""The list of checks, in the order of their modules."""

from dataclasses import dataclass
from typing import Callable, List

from .case import Case


@dataclass(frozen=True)
class Check:
    section: str
    """The name of its module."""
    sentence: str
    run: Callable[[Case], None]
    slow: bool
    """It takes some seconds: it is begun first."""

    @property
    def name(self) -> str:
        return f"{self.section}: {self.sentence}"


ALL: List[Check] = []


def check(sentence: str, slow: bool = False):
    def register(function: Callable[[Case], None]) -> Callable[[Case], None]:
        section = function.__module__.rsplit(".", 1)[-1].replace("_", " ")
        ALL.append(Check(section, sentence, function, slow))
        return function
    return register
