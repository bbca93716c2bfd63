#!/usr/bin/env python3
"""Finds imports of this package's modules that the manifest does not allow.

Such an import compiles where the other module happens to be built already, so that only some builds of a fresh clone
fail. `imports.py < MANIFEST`: what `swift package dump-package` prints; the exit status is 1 where something is found."""

import glob
import json
import re
import sys

IMPORT = re.compile(
    r"^\s*(?:@\w+(?:\([^)]*\))?\s+)*(?:(?:public|package|internal|fileprivate|private)\s+)?import\s+"
    r"(?:(?:struct|class|enum|protocol|typealias|func|let|var)\s+)?(\w+)", re.MULTILINE)


def reachable(targets: dict, name: str) -> set:
    """Itself, and what it depends on, over as many steps as there are."""
    found, waiting = set(), [name]
    while waiting:
        name = waiting.pop()
        if name in targets and name not in found:
            found.add(name)
            for dependency in targets[name]["dependencies"]:
                waiting += [next(iter(dependency.values()))[0]]
    return found


def main() -> int:
    targets = {target["name"]: target for target in json.load(sys.stdin)["targets"]}
    count = 0
    for name, target in sorted(targets.items()):
        directory = target.get("path") or f"{'Tests' if target['type'] == 'test' else 'Sources'}/{name}"
        allowed = reachable(targets, name)
        for path in sorted(glob.glob(f"{directory}/**/*.swift", recursive=True)):
            with open(path, encoding="utf-8") as file:
                for module in IMPORT.findall(file.read()):
                    if module in targets and module not in allowed:
                        print(f"{path}: imports {module}, on which {name} does not depend")
                        count += 1
    print(f"{len(targets)} targets, {count} findings")
    return 1 if count else 0


if __name__ == "__main__":
    sys.exit(main())
