"""How results are shown."""

from dataclasses import dataclass
from typing import Dict, List, Sequence

from .checks import Check

PASS, FAIL, KNOWN, NOT_APPLICABLE = "pass", "FAIL", "known", "n.a."


@dataclass(frozen=True)
class Result:
    check: Check
    verdict: str
    seconds: float
    seen: str = ""
    """Why it failed or could not be tried; figures of one that passed."""
    account: str = ""
    """What the subject said, of one that failed."""

    def line(self) -> str:
        """A failing check's line is followed by what the subject said."""
        text = f"{self.verdict:5} {self.check.name}"
        text += f" [{self.seconds:.1f} s]" if self.seconds >= 3 else ""
        text += f": {self.seen}" if self.seen else ""
        account = self.account if self.verdict == FAIL else ""
        return text + "".join(f"\n        | {each}" for each in account.splitlines())


def count(results: Sequence[Result], verdict: str) -> int:
    return sum(result.verdict == verdict for result in results)


def summary(results: Sequence[Result]) -> str:
    """The closing line: `N passed, N failed`, and what else there was."""
    parts = [f"{count(results, PASS)} passed", f"{count(results, FAIL)} failed"]
    parts += [f"{count(results, verdict)} {text}" for verdict, text in
              ((KNOWN, "failed as known"), (NOT_APPLICABLE, "not applicable")) if count(results, verdict)]
    return ", ".join(parts)


def matrix(checks: List[Check], scores: Dict[str, List[Result]]) -> str:
    """Every check's verdict for every subject, and the sums."""
    width = max(len(check.name) for check in checks)
    rows = [" " * width + "".join(f"  {name:>8}" for name in scores)]
    for check in checks:
        verdicts = [next((each.verdict for each in results if each.check.name == check.name), "-")
                    for results in scores.values()]
        rows.append(f"{check.name:{width}}" + "".join(f"  {verdict:>8}" for verdict in verdicts))
    for verdict in (PASS, FAIL, KNOWN, NOT_APPLICABLE):
        rows.append(f"{verdict:>{width}}" + "".join(
            f"  {count(results, verdict):>8}" for results in scores.values()))
    return "\n".join(rows)
