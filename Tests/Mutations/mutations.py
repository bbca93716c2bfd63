#!/usr/bin/env python3
"""Shows that the simulation can fail: breaks one rule of the engine at a time, and sees whether it is noticed.

The engine and its simulation are copied and compiled, the engine once more for each mutant, without optimization: the
compiler takes longer than the histories. The unmutated engine must live all histories, each mutant must be caught in
one of them. The last line counts; the exit status is 0 exactly when nothing failed.
"""

import argparse
import os
import random
import shutil
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from typing import List, Optional, Tuple

sys.dont_write_bytecode = True
# The harness that all suites in Python share lies beside them.
sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

from harness import commands, suites    # noqa: E402
from harness.checks import Failed       # noqa: E402
from mutants import MUTANTS, Mutant     # noqa: E402

TESTS = os.path.join(suites.REPOSITORY, "Tests")
ENGINE = os.path.join(suites.REPOSITORY, "Sources", "Supervision")
COMPILER = ["swiftc", "-Onone", "-wmo", "-swift-version", "6", "-package-name", "DaemonKit"]
LIMIT = 300.0
"""Seconds that a compilation or a run may take."""
PERSEVERANCE = 5
"""How many times as many histories a mutant may live."""


def main() -> int:
    options = parse()
    suites.end_through_clean_up()
    directory = tempfile.mkdtemp(prefix="mutations.")
    try:
        prepare(directory)
        chosen = [one for one in MUTANTS if options.only in one.name]
        if options.sample:
            chosen = random.Random(options.seed).sample(chosen, min(options.sample, len(chosen)))
            print(f"{len(chosen)} of {len(MUTANTS)} mutants, chosen by the seed {options.seed}", flush=True)
        jobs: List[Optional[Mutant]] = [None] + chosen
        with ThreadPoolExecutor(options.jobs) as pool:
            verdicts = list(pool.map(lambda job: judged(directory, job, options), jobs))
    finally:
        shutil.rmtree(directory)
    failed = verdicts.count(False)
    print(f"{len(verdicts) - failed} passed, {failed} failed")
    return 1 if failed else 0


def parse() -> argparse.Namespace:
    parser = suites.parser(__doc__)
    parser.add_argument("--histories", type=int, default=30_000, help="so many for the engine as it is, five times as many at most for a mutant")
    parser.add_argument("--seed", type=int, default=int.from_bytes(os.urandom(4), "big"), help="of the first history")
    parser.add_argument("--jobs", type=int, default=2, help="engines at a time")
    parser.add_argument("--sample", type=int, default=0, help="so many mutants, chosen by the seed; all by default")
    parser.add_argument("--only", default="", help="mutants whose name contains this")
    return parser.parse_args()


def prepare(directory: str) -> None:
    """Copies everything, and compiles what does not change: the simulation sees the engine's interface only."""
    shutil.copytree(ENGINE, os.path.join(directory, "Supervision"))
    shutil.copytree(os.path.join(TESTS, "Simulation"), os.path.join(directory, "Simulation"))
    shutil.copy(os.path.join(TESTS, "TestSupport", "Seeded.swift"), directory)
    shutil.copy(os.path.join(TESTS, "Mutations", "Histories.swift"), os.path.join(directory, "main.swift"))
    for module in ["Supervision", "Simulation"]:
        compile_module(directory, module, os.path.join(directory, module), directory, interface=True)
    command = COMPILER + ["-I", directory, "-module-name", "main", "-c", "main.swift", "Seeded.swift", "-o", "main.o"]
    run(command, directory)


def compile_module(directory: str, module: str, sources: str, target: str, interface: bool) -> None:
    files = sorted(os.path.join(sources, name) for name in os.listdir(sources) if name.endswith(".swift"))
    command = COMPILER + ["-parse-as-library", "-I", directory, "-module-name", module, "-c", *files]
    command += ["-o", os.path.join(target, f"{module}.o")]
    if interface:
        command += ["-emit-module", "-emit-module-path", os.path.join(target, f"{module}.swiftmodule")]
    run(command, directory)


def run(command: List[str], directory: str) -> None:
    commands.must(*command, cwd=directory, seconds=LIMIT)


def judged(directory: str, mutant: Optional[Mutant], options: argparse.Namespace) -> bool:
    """Whether the engine that is as it should be passes, or the other one is caught; prints how."""
    code, said = lived(directory, mutant, options)
    name = mutant.name if mutant else "the engine as it is"
    isRight = code == (1 if mutant else 0)
    verdict = ("caught" if mutant else "passed") if isRight else "NOT CAUGHT" if mutant and code == 0 else "FAILED"
    print(f"{verdict}: {name}: {said}", flush=True)
    return isRight


def lived(directory: str, mutant: Optional[Mutant], options: argparse.Namespace) -> Tuple[int, str]:
    place = tempfile.mkdtemp(dir=directory)
    engine = os.path.join(directory, "Supervision")
    if mutant:
        engine = os.path.join(place, "Supervision")
        shutil.copytree(os.path.join(directory, "Supervision"), engine)
        mutate(os.path.join(engine, mutant.file), mutant)
    compile_module(directory, "Supervision", engine, place, interface=False)
    objects = [os.path.join(place, "Supervision.o"), "Simulation.o", "main.o"]
    program = os.path.join(place, "histories")
    run(["swiftc", *objects, "-o", program], directory)
    # A mutant whose mistake is rare lives longer until it is caught; nearly all are caught in the first few histories.
    histories, limit = (PERSEVERANCE * options.histories, 3 * LIMIT) if mutant else (options.histories, LIMIT)
    try:
        done = commands.run(program, str(options.seed), str(histories), seconds=limit)
    except Failed:
        return -1, "never ends"
    return done.code, done.output.strip()


def mutate(path: str, mutant: Mutant) -> None:
    with open(path, encoding="utf-8") as file:
        text = file.read()
    if text.count(mutant.old) != 1:
        raise SystemExit(f"{mutant.name}: {mutant.file} has its text {text.count(mutant.old)} times, not once")
    with open(path, "w", encoding="utf-8") as file:
        file.write(text.replace(mutant.old, mutant.new))


if __name__ == "__main__":
    sys.exit(main())
