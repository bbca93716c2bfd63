"""The checks of a suite, in the order of their modules, and how one says that a promise is not kept."""

import fnmatch
import os
import shutil
from dataclasses import dataclass
from typing import Callable, Iterable, List, Optional, Sequence


class Failed(Exception):
    """The subject does not keep the promise; the text says what was seen instead."""


class NotApplicable(Exception):
    """The subject does not make the promise, by its nature; the text says why."""


class Unavailable(Exception):
    """This machine or user cannot try it; the text says what is missing."""


def expect(condition: object, seen: str) -> None:
    if not condition:
        raise Failed(seen)


def expect_equal(what: str, found: object, expected: object) -> None:
    expect(found == expected, f"{what}: expected {expected!r}, found {found!r}")


def expect_in(part: str, text: str) -> None:
    expect(part in text, f"{part!r} is not in {text!r}")


def needs_root(why: str = "") -> None:
    if os.geteuid() != 0:
        raise Unavailable("needs root" + (f", {why}" if why else ""))


def needs(tool: str) -> str:
    """The path of a tool, which may lie where only root looks for it."""
    found = shutil.which(tool, path=os.environ.get("PATH", "") + ":/usr/sbin:/sbin")
    if not found:
        raise Unavailable(f"{tool} is not installed")
    return found


def read(path: str) -> str:
    """The file's text, or nothing when there is none."""
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            return file.read()
    except (FileNotFoundError, NotADirectoryError):
        return ""


def write(path: str, text: str, mode: int = 0o644) -> None:
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "w", encoding="utf-8") as file:
        file.write(text)
    os.chmod(path, mode)


@dataclass(frozen=True)
class Check:
    section: str
    """The name of its module."""
    sentence: str
    run: Callable
    """Gets the suite's arena for one check; may return what is worth showing beside the verdict."""
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
        ALL.append(Check(section_of(function), sentence, function, slow, ours, known))
        return function
    return register


def section_of(function: Callable) -> str:
    return function.__module__.rsplit(".", 1)[-1].replace("_", " ")


def chosen(checks: Iterable[Check], patterns: Sequence[str]) -> List[Check]:
    """Those whose name holds one of the texts, or matches one as a pattern with * or ?; all without any."""
    wanted = [pattern.lower() for pattern in patterns]

    def is_wanted(name: str) -> bool:
        return not wanted or any(each in name or fnmatch.fnmatchcase(name, each) for each in wanted)
    return [each for each in checks if is_wanted(each.name.lower())]
