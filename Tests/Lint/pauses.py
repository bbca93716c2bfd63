#!/usr/bin/env python3
"""Finds `time.sleep` in the tests: a check waits for a condition (harness/processes.py), or says by a name of
harness/moments.py why time passes.

    pauses.py DIRECTORY      prints what it finds; exit status 1 where it finds something
    pauses.py --self-test    whether it finds what it should in a few lines of its own
"""

import ast
import os
import sys

ALLOWED = {
    "harness/moments.py", "harness/processes.py",
    # Programs that are started by the tests, and clients that keep a pace.
    "StartServer/workers/worker.py", "MasterWorker/workers/worker.py", "MasterWorker/workers/hostile.py",
    "Boot/suite/client.py", "StartServer/load.py", "MasterWorker/suite/load.py",
}
SAMPLE = """
import time
from time import sleep
def body():
    time.sleep(1)          # found
    script = 'time.sleep(1000)'
    arena.sleep(1)
    sleep(2)               # found
"""


def pauses(text):
    """The lines that call `time.sleep`, or a `sleep` that was imported by this name."""
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Call):
            called = node.func
            is_attribute = isinstance(called, ast.Attribute) and called.attr == "sleep" \
                and isinstance(called.value, ast.Name) and called.value.id == "time"
            if is_attribute or isinstance(called, ast.Name) and called.id == "sleep":
                yield node.lineno


def search(root):
    count = 0
    for directory, _, names in os.walk(root):
        for path in sorted(os.path.join(directory, name) for name in names if name.endswith(".py")):
            if os.path.relpath(path, root) in ALLOWED:
                continue
            with open(path, encoding="utf-8") as file:
                for line in sorted(pauses(file.read())):
                    count += 1
                    print(f"{path}:{line}: time passes without a reason: wait for a condition, or see harness/moments.py")
    return count


def self_test():
    wanted = [number for number, line in enumerate(SAMPLE.splitlines(), 1) if line.endswith("# found")]
    found = sorted(pauses(SAMPLE))
    print(f"sample: {len(wanted)} pauses, {len(found)} found")
    return 0 if found == wanted else 1


if __name__ == "__main__":
    sys.exit(self_test() if sys.argv[1:] == ["--self-test"] else 1 if search(sys.argv[1]) else 0)
