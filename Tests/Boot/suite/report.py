"""The transcript: one line a step, with its counts and the time it took, and a closing line."""

from __future__ import annotations

import time


class Report:
    def __init__(self) -> None:
        self.passed = self.failed = 0
        self.served = self.lost = self.written = self.found = 0
        self._start = time.monotonic()

    @property
    def seconds(self) -> float:
        return time.monotonic() - self._start

    def title(self, text: str) -> None:
        print(f"== {text} ({self.seconds:.0f} s)", flush=True)

    def note(self, text: str) -> None:
        print(f"      {text}", flush=True)

    def ok(self, name: str, detail: str, seconds: float) -> None:
        self.passed += 1
        print(f"ok    {name}{detail and ': ' + detail} [{seconds:.1f} s]", flush=True)

    def fail(self, name: str, detail: str) -> None:
        self.failed += 1
        print(f"FAIL  {name}: {detail[:1000]}", flush=True)

    def summary(self) -> str:
        return (f"boot: {self.passed} passed, {self.failed} failed; "
                f"requests: {self.served} served, {self.lost} failed; "
                f"log lines: {self.written} written, {self.found} found; {self.seconds:.0f} s")
