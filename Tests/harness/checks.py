"""The checks of a suite, in the order of their modules, and how one says that a promise is not kept."""

from dataclasses import dataclass
from typing import Callable, List, Optional


class Failed(Exception):
    """The subject does not keep the promise; the text says what was seen instead."""


class Unavailable(Exception):
    """This machine or user cannot try it; the text says what is missing."""


def expect(condition: object, seen: str) -> None:
    if not condition:
        raise Failed(seen)


def read(path: str) -> str:
    """The file's text, or nothing when there is none."""
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            return file.read()
    except (FileNotFoundError, NotADirectoryError):
        return ""


@dataclass(frozen=True)
class Check:
    section: str
    """The name of its module."""
    sentence: str
    run: Callable
    """Gets the suite's arena for one check."""
    slow: bool = False
    """It takes some seconds, or keeps the processors busy: it is begun first."""
    ours: bool = False
    """It needs what only our programs have: not applicable to another subject."""
    known: Optional[str] = None
    """Why another subject fails it, when it is known to."""

    @property
    def name(self) -> str:
        return f"{self.section}: {self.sentence}"


ALL: List[Check] = []


def check(sentence: str, slow: bool = False, ours: bool = False, known: Optional[str] = None):
    def register(function: Callable) -> Callable:
        section = function.__module__.rsplit(".", 1)[-1].replace("_", " ")
        ALL.append(Check(section, sentence, function, slow, ours, known))
        return function
    return register


def wanted(each: Check, patterns: List[str]) -> bool:
    """Whether its name holds one of the texts, or there are none."""
    return not patterns or any(pattern.lower() in each.name.lower() for pattern in patterns)
