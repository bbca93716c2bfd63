"""How results are shown."""

import textwrap
from dataclasses import dataclass
from typing import Dict, List, Sequence

from .checks import Check

PASS, FAIL, KNOWN, NOT_APPLICABLE, SKIPPED = "pass", "FAIL", "known", "n.a.", "skip"
VERDICTS = {PASS: "passed", FAIL: "failed", KNOWN: "failed as known", NOT_APPLICABLE: "not applicable",
            SKIPPED: "skipped"}
"""With what the closing line calls them."""


@dataclass(frozen=True)
class Result:
    check: Check
    verdict: str
    seconds: float = 0
    seen: str = ""
    """Why it failed or could not be tried; figures of one that passed."""
    account: str = ""
    """What the subject said, of one that failed."""

    def line(self) -> str:
        """A failing check's line is followed by what the subject said."""
        text = f"{self.verdict:5} {self.check.name}"
        text += f" [{self.seconds:.1f} s]" if self.seconds >= 3 else ""
        text += f": {textwrap.shorten(self.seen, 1000, placeholder=' ...')}" if self.seen else ""
        account = self.account if self.verdict == FAIL else ""
        return text + "".join(f"\n        | {each}" for each in account.splitlines())


def count(results: Sequence[Result], verdict: str) -> int:
    return sum(result.verdict == verdict for result in results)


def summary(results: Sequence[Result]) -> str:
    """The closing line: `N passed, N failed`, and what else there was."""
    return ", ".join(f"{count(results, verdict)} {text}" for verdict, text in VERDICTS.items()
                     if count(results, verdict) or verdict in (PASS, FAIL))


def matrix(checks: List[Check], scores: Dict[str, List[Result]]) -> str:
    """Every check's verdict for every subject, and the sums."""
    width = max(len(check.name) for check in checks)
    columns = {name: max(len(name), 8) for name in scores}

    def row(head: str, cells: Sequence[object]) -> str:
        return head + "".join(f"  {cell:>{each}}" for cell, each in zip(cells, columns.values()))
    rows = [row(" " * width, list(scores))]
    for check in checks:
        verdicts = [next((each.verdict for each in results if each.check.name == check.name), "-")
                    for results in scores.values()]
        rows.append(row(f"{check.name:{width}}", verdicts))
    return "\n".join(rows + [row(f"{verdict:>{width}}", [count(results, verdict) for results in scores.values()])
                             for verdict in VERDICTS])
