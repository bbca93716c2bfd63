"""The transcript: one line a step, with its counts and the time it took, and a closing line."""

from __future__ import annotations

import time
from typing import Callable, List

from harness.checks import Check
from harness.reports import FAIL, PASS, Result, count
from harness.runner import attempt


class Report:
    def __init__(self) -> None:
        self.results: List[Result] = []
        self.served = self.lost = self.written = self.found = 0
        self._start = time.monotonic()

    @property
    def seconds(self) -> float:
        return time.monotonic() - self._start

    def title(self, text: str) -> None:
        print(f"== {text} ({self.seconds:.0f} s)", flush=True)

    def note(self, text: str) -> None:
        print(f"      {text}", flush=True)

    def step(self, section: str, sentence: str, body: Callable[[], object]) -> bool:
        """Does it, and prints its line; whether it succeeded."""
        begin = time.monotonic()
        verdict, seen = attempt(body)
        self.results.append(Result(Check(section, sentence, body), verdict, time.monotonic() - begin, seen))
        print(self.results[-1].line(), flush=True)
        return verdict == PASS

    @property
    def failed(self) -> int:
        return count(self.results, FAIL)

    def summary(self) -> str:
        return (f"boot: {count(self.results, PASS)} passed, {self.failed} failed; "
                f"requests: {self.served} served, {self.lost} failed; "
                f"log lines: {self.written} written, {self.found} found; {self.seconds:.0f} s")
