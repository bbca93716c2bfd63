"""How a module names its attacks: the kind of the fault, a sentence, and the front ends on which it is tried."""

from functools import partial
from typing import Callable

from harness.checks import ALL, Check


def attack(kind: str, sentence: str, *front_ends: str, slow: bool = False):
    """Registers a check for each front end, which the function gets as its second argument; or one without."""
    def register(function: Callable) -> Callable:
        for front_end in front_ends:
            ALL.append(Check(kind, f"{front_end}: {sentence}", partial(function, front_end=front_end), slow))
        if not front_ends:
            ALL.append(Check(kind, sentence, function, slow))
        return function
    return register
