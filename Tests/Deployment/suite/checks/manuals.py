"""The manual pages: what the programs print, taken by man without a warning, with the sections that one looks for."""

from __future__ import annotations

import os
import re
from typing import Callable, List

from harness.checks import expect_equal, needs, read
from harness.commands import run
from ..case import Case, listed
from ..printed import MANUALS, manual

ALL = [*MANUALS.values(), "man/masterd.cfg.5"]
SECTIONS = ["NAME", "SYNOPSIS", "DESCRIPTION", "OPTIONS", "FILES", "SIGNALS", "EXIT STATUS", "SEE ALSO"]


def program(case: Case, name: str) -> str:
    return os.path.join(os.path.dirname(case.echod), name)


def equals_etc(name: str) -> Callable[[Case], None]:
    def body(case: Case) -> None:
        expect_equal(MANUALS[name], read(case.etc(MANUALS[name])), manual(program(case, name)))
    return body


def man(case: Case, path: str, width: int) -> str:
    """As it is shown; every warning of roff is a failure."""
    needs("man")
    environment = {**os.environ, "LC_ALL": "C.UTF-8", "MANWIDTH": str(width), "MANROFFOPT": ""}
    result = run("sh", "-c", 'man --warnings -E UTF-8 -l "$1" 2>"$2"', "sh", path, case.path("warnings"),
                 env=environment)
    expect_equal(f"man --warnings {os.path.basename(path)}", (result.code, read(case.path("warnings"))), (0, ""))
    # Bold and underlined as overstrikes, where there are any.
    return re.sub(".\b", "", result.output)


def man_is_content(case: Case) -> str:
    for name in ALL:
        for width in (60, 80, 132):
            man(case, case.etc(name), width)
    return f"{len(ALL)} pages"


def sections(text: str) -> List[str]:
    return re.findall(r"^([A-Z][A-Z ]+[A-Z])$", text, re.MULTILINE)


def have_their_sections(case: Case) -> None:
    for name in MANUALS.values():
        # daemonctl catches nothing: it has no signals.
        expected = [title for title in SECTIONS if title != "SIGNALS" or "daemonctl" not in name]
        found = [title for title in sections(man(case, case.etc(name), 80)) if title in SECTIONS]
        expect_equal(f"sections of {name}", found, expected)


def options(text: str) -> List[str]:
    return sorted(set(re.findall(r"(?<![\w-])--[a-z][a-z-]*[a-z]", text)))


def have_every_option(case: Case) -> str:
    """Of the help, and in its words."""
    count = 0
    for name, page in MANUALS.items():
        usage = options(run(program(case, name), "--help").output)
        shown = man(case, case.etc(page), 132)
        missing = [option for option in usage if not re.search(rf"^ +(-\w, |--[a-z-]*\S*, )?{option}\b", shown, re.M)]
        expect_equal(f"options that {page} lacks", missing, [])
        count += len(usage)
    return f"{count} options"


CHECKS = [listed(f"etc/{page} is what {name} prints", equals_etc(name)) for name, page in MANUALS.items()] + [
    listed("man has no warning about any page", man_is_content),
    listed("the manual pages have their sections", have_their_sections),
    listed("the manual pages have every option of the help", have_every_option),
]
