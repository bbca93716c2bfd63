"""A strict reader of OpenMetrics 1.0 text."""

import re
from typing import Dict, List, Tuple

from harness.checks import expect

NAME = r"[a-zA-Z_:][a-zA-Z0-9_:]*"
LABEL = r'[a-zA-Z_][a-zA-Z0-9_]*="(?:[^"\\\n]|\\["\\n])*"'
NUMBER = r"[-+]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][-+]?\d+)?|NaN|[-+]Inf"
SAMPLE = re.compile(rf"({NAME})(\{{(?:{LABEL}(?:,{LABEL})*)?\}})? ({NUMBER})(?: {NUMBER})?")
SUFFIXES = {"counter": ("_total", "_created"), "gauge": ("",), "unknown": ("",), "info": ("_info",),
            "stateset": ("",), "histogram": ("_bucket", "_count", "_sum", "_created"),
            "summary": ("", "_count", "_sum", "_created")}

Samples = Dict[str, List[Tuple[str, float]]]


def read(text: str) -> Samples:
    """The samples by name: labels as written, and value. Anything that the standard does not allow is an error."""
    expect(text.endswith("# EOF\n"), f"it does not end with # EOF: {text[-100:]!r}")
    expect(text.count("# EOF") == 1, "more than one # EOF")
    samples: Samples = {}
    family, kind, known, seen = "", "unknown", {}, set()
    for line in text.splitlines()[:-1]:
        described = re.fullmatch(rf"# (TYPE|HELP|UNIT) ({NAME}) (.*)", line)
        if described:
            word, name, value = described.groups()
            if name != family:
                expect(name not in known, f"{name} is not in one piece: {line!r}")
                family, kind = name, "unknown"
                known[name] = set()
            expect(word not in known[name], f"{word} of {name} twice")
            known[name].add(word)
            if word == "TYPE":
                expect(value in SUFFIXES, f"an unknown type: {line!r}")
                kind = value
            if word == "UNIT":
                expect(not value or name.endswith(f"_{value}"), f"the unit is not in the name: {line!r}")
            continue
        sample = SAMPLE.fullmatch(line)
        expect(sample, f"not a line of OpenMetrics: {line!r}")
        name, labels, value = sample[1], sample[2] or "", float(sample[3].replace("Inf", "inf"))
        expect(name in [family + suffix for suffix in SUFFIXES[kind]],
               f"{name} is no sample of the {kind} {family!r} before it")
        names = re.findall(r"([a-zA-Z_][a-zA-Z0-9_]*)=\"", re.sub(r'\\.', "", labels))
        expect(len(names) == len(set(names)), f"a label twice: {line!r}")
        expect((name, labels) not in seen, f"a sample twice: {line!r}")
        seen.add((name, labels))
        expect(kind != "counter" or value >= 0, f"a counter below 0: {line!r}")
        samples.setdefault(name, []).append((labels, value))
    expect(samples, "no sample")
    return samples
