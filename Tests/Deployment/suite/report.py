"""One line per check, and the count at the end."""

from __future__ import annotations

import textwrap
from typing import NamedTuple

OK, FAIL, SKIP = "ok", "FAIL", "skip"


class Verdict(NamedTuple):
    word: str
    detail: str = ""


class Report:
    def __init__(self) -> None:
        self.passed = self.failed = self.skipped = 0

    def add(self, name: str, verdict: Verdict) -> None:
        self.passed += verdict.word == OK
        self.failed += verdict.word == FAIL
        self.skipped += verdict.word == SKIP
        detail = textwrap.shorten(verdict.detail, 600, placeholder=" ...")
        tail = {OK: detail and f" ({detail})", SKIP: f" ({detail})"}.get(verdict.word, f": {detail}")
        print(f"{verdict.word:4}  {name}{tail}", flush=True)

    def summary(self) -> str:
        return f"{self.passed} passed, {self.failed} failed" + (f", {self.skipped} skipped" if self.skipped else "")
