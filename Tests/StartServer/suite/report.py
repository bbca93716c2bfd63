"""How results are shown."""

from dataclasses import dataclass, field
from typing import List

from .registry import Check
from .runner import FAIL, KNOWN, NOT_APPLICABLE, PASS, Result


@dataclass
class Score:
    name: str
    results: List[Result] = field(default_factory=list)

    def count(self, verdict: str) -> int:
        return sum(result.verdict == verdict for result in self.results)

    def summary(self) -> str:
        parts = [f"{self.count(PASS)} passed", f"{self.count(FAIL)} failed"]
        parts += [f"{self.count(verdict)} {text}" for verdict, text in
                  ((KNOWN, "failed as known"), (NOT_APPLICABLE, "not applicable")) if self.count(verdict)]
        return ", ".join(parts)


def line(result: Result, with_account: bool) -> str:
    """One line; a failing check's is followed by what the subject said."""
    text = f"{result.verdict:5} {result.check.name}"
    text += f" [{result.seconds:.1f} s]" if result.seconds >= 3 else ""
    text += " (although known to fail)" if result.surprise else ""
    text += f": {result.seen}" if result.seen else ""
    if with_account and result.account:
        text += "".join(f"\n        | {each}" for each in result.account.splitlines())
    return text


def matrix(checks: List[Check], scores: List[Score]) -> str:
    """Every check's verdict for every subject, and the sums."""
    width = max(len(check.name) for check in checks)
    rows = [" " * width + "".join(f"  {score.name:>8}" for score in scores)]
    for check in checks:
        verdicts = [next((r.verdict for r in score.results if r.check is check), "-") for score in scores]
        rows.append(f"{check.name:{width}}" + "".join(f"  {verdict:>8}" for verdict in verdicts))
    for verdict in (PASS, FAIL, KNOWN, NOT_APPLICABLE):
        rows.append(f"{verdict:>{width}}" + "".join(f"  {score.count(verdict):>8}" for score in scores))
    return "\n".join(rows)
