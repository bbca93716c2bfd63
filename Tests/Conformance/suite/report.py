"""The figures: one line per check, the score table, and the matrix of checks and subjects."""

from __future__ import annotations

import textwrap
from typing import Dict, List, Optional, Sequence

from .checks import Check
from .runner import FAIL, NOT_APPLICABLE, OK, SKIPPED, Result


class Score:
    """One subject's results, or why there are none."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.missing: Optional[str] = None
        self.results: List[Result] = []

    def count(self, verdict: str) -> int:
        return sum(result.verdict == verdict for result in self.results)

    def verdicts(self) -> Dict[Check, str]:
        return {result.check: result.verdict for result in self.results}

    def summary(self) -> str:
        """`N passed, N failed`, with the skipped ones when there are any."""
        skipped = self.count(SKIPPED)
        return (f"{self.count(OK)} passed, {self.count(FAIL) + bool(self.missing)} failed"
                + (f", {skipped} skipped" if skipped else ""))


def line(result: Result) -> str:
    detail = textwrap.shorten(result.detail, 240, placeholder=" ...")
    return f"{result.verdict:4}  {result.check.name}" + (f": {detail}" if detail else "")


def table(scores: Sequence[Score]) -> str:
    lines = [f"{'subject':20}{'passed':>8}{'failed':>8}{'n/a':>8}{'skipped':>9}"]
    for score in scores:
        figures = [score.count(verdict) for verdict in (OK, FAIL, NOT_APPLICABLE, SKIPPED)]
        lines.append(f"{score.name:20}" + (f"  missing: {score.missing}" if score.missing else
                                           "{:8}{:8}{:8}{:9}".format(*figures)))
    return "\n".join(lines)


def matrix(checks: Sequence[Check], scores: Sequence[Score]) -> str:
    columns = [(score.name, score.verdicts()) for score in scores if not score.missing]
    width = max((len(check.name) for check in checks), default=0) + 2
    lines = [" " * width + "  ".join(name for name, _ in columns)]
    for check in checks:
        cells = (f"{verdicts.get(check, ''):{len(name)}}" for name, verdicts in columns)
        lines.append((f"{check.name:{width}}" + "  ".join(cells)).rstrip())
    return "\n".join(lines)
