"""What became of a command."""

from dataclasses import dataclass
from typing import Optional


@dataclass(frozen=True)
class Outcome:
    """How a command ended, and what it said."""
    code: Optional[int]
    out: str
    err: str
    seconds: float

    def __str__(self) -> str:
        end = "did not end" if self.code is None else f"ended with {self.code}"
        return f"{end} after {self.seconds:.2f} s, stdout {self.out!r}, stderr {self.err!r}"
