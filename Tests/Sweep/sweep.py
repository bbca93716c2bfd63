#!/usr/bin/env python3
"""Fault injection over the start of a daemon: each system call of each of its processes fails once, in turn.

For each scenario, strace records a start for each task of it: launcher, intermediate child, daemon, their threads. Then
for each call and each way in which it may fail, one more start has strace inject that fault into that task alone.
Whatever comes of it must be true: a launcher that says 0 leaves a daemon that serves, and stops without a trace; one
that says something else has named what was tried and why it failed, and nothing is left. Never a hang, a crash, or a
byte on standard output.

The last line counts the injected faults; the exit status is 0 exactly when no outcome was untrue. Linux only; as root
three scenarios more are swept.
"""

import argparse
import multiprocessing
import os
import shutil
import sys
import time
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from typing import Dict, List, Optional, Tuple

sys.dont_write_bytecode = True
# The harness that all suites in Python share lies beside them.
sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

import tracing                                                      # noqa: E402
from harness import commands, subreaper, suites                     # noqa: E402
from harness.processes import eventually                            # noqa: E402
from faults import Call, Fault, Task, calls, ends_start, faults     # noqa: E402
from scenarios import SCENARIOS, Place, Scenario                    # noqa: E402
from tracing import HeldStart                                       # noqa: E402
from verdict import (                                               # noqa: E402
    echoes, eventually_none, judge_failure, judge_main_failure, judge_success, listeners, survivors, where)

DEADLINE = 20.0
"""Seconds after which a start counts as hanging."""
ATTEMPTS = 3
"""Starts to record a task, of which the longest counts, or to reach a call: how often a launcher polls varies."""

FAILED, SERVED, MAIN_FAILED, HUNG, MISSED = "failed start", "success", "main failed", "hang", "not reached"


@dataclass
class Outcome:
    """What came of one start."""
    kind: str
    problems: List[str]
    exit: Optional[int] = None
    said: str = ""
    trace: List[str] = field(default_factory=list)
    log: str = ""
    fault: Optional[Fault] = None
    name: str = ""
    doubts: List[str] = field(default_factory=list)
    """What a first judgement found, and a second one did not."""


def main() -> int:
    options = parse()
    reason = why_not()
    if reason:
        print(f"skipped: {reason}")
        return 0
    begin = time.monotonic()
    wanted, skipped = chosen(options)
    recorded = run_all(record, [(options.echod, scenario) for scenario in wanted], options)
    swept, left_out = select(recorded, options)
    outcomes = run_all(inject, [(options.echod, fault) for fault in swept], options)
    broken = [outcome for each in recorded for outcome in each.untrue]
    return report(outcomes, broken, left_out, skipped, time.monotonic() - begin)


def parse() -> argparse.Namespace:
    parser = suites.parser(__doc__)
    parser.add_argument("--echod", metavar="PATH", default=os.path.join(suites.BINARIES, "echod"),
                        help="default: .build/debug/echod")
    parser.add_argument("--all", action="store_true", help="also every single one of many like calls")
    parser.add_argument("--scenario", metavar="NAME", action="append", choices=[each.name for each in SCENARIOS],
                        help="only this one; may be repeated")
    parser.add_argument("--only", metavar="TEXT", default="",
                        help="only faults with the text in `SCENARIO, TASK: inject=CALL:error=ERRNO:when=N`")
    parser.add_argument("--jobs", metavar="N", type=int, default=2, help="starts at a time (2)")
    options = parser.parse_args()
    options.echod = os.path.realpath(options.echod)
    return options


def why_not() -> str:
    """Why no fault can be injected here; empty when it can."""
    if not sys.platform.startswith("linux"):
        return "not Linux"
    if not shutil.which("strace"):
        return "no strace"
    probe = commands.run("strace", "-o", os.devnull, "-e", "inject=chdir:error=EIO:when=1", "true")
    return f"strace cannot trace: {probe.output.strip()}" if probe.code else ""


def chosen(options: argparse.Namespace) -> Tuple[List[Scenario], List[str]]:
    """The scenarios to sweep, and the names of those that only root can."""
    named = [each for each in SCENARIOS if not options.scenario or each.name in options.scenario]
    able = [each for each in named if not each.needs_root or os.geteuid() == 0]
    return able, [each.name for each in named if each not in able]


def run_all(job, arguments: list, options: argparse.Namespace) -> list:
    """In processes of their own: each is the parent of all orphans of its starts, one start at a time."""
    with multiprocessing.get_context("fork").Pool(options.jobs, initializer=subreaper.become_subreaper) as pool:
        return pool.map(job, arguments, chunksize=1)


def select(recorded: "List[Recording]", options: argparse.Namespace) -> Tuple[List[Fault], Counter]:
    swept: List[Fault] = []
    left_out: Counter = Counter()
    for recording in recorded:
        for task, made in recording.tasks:
            found, others = faults(recording.scenario, task, made, options.all)
            swept += [fault for fault in found if options.only in str(fault)]
            left_out += others
    return swept, left_out


# One start.

@dataclass
class Recording:
    """What the tasks of a start call; if it is not true even without a fault, why."""
    scenario: Scenario
    tasks: List[Tuple[Task, List[Call]]] = field(default_factory=list)
    untrue: List[Outcome] = field(default_factory=list)


def record(arguments: Tuple[str, Scenario]) -> Recording:
    echod, scenario = arguments
    recording = Recording(scenario)
    process = ["launcher", "child", "daemon"][2 if scenario.foreground else 0:]
    tasks = [Task(0, process.pop(0))]
    births = 0
    for task in tasks:
        made = record_task(echod, task, recording)
        recording.tasks.append((task, made))
        for call in made:
            if call.makes_thread:
                births += 1
                tasks.append(Task(births, f"{task.name}'s thread"))
            elif call.makes_task and process:
                births += 1
                tasks.append(Task(births, process.pop(0)))
            elif call.makes_task:
                # What stays outside of a chroot, and the process between: their own calls are not swept.
                births += 2
    return recording


def record_task(echod: str, task: Task, recording: Recording) -> List[Call]:
    longest: List[Call] = []
    for attempt in range(2 * ATTEMPTS):
        if longest and attempt >= ATTEMPTS:
            break
        outcome = run(echod, recording.scenario, task, ["trace=all"], None)
        outcome.name = f"{recording.scenario.name}, {task.name}: no fault"
        if outcome.problems and attempt < 2 * ATTEMPTS - 1:
            continue
        if outcome.problems:
            recording.untrue.append(outcome)
            return []
        made = calls(task, outcome.trace)
        if ends_start(made):
            longest = max(longest, made, key=len)
    if not longest:
        outcome.problems.append("strace did not see the end of its start")
        recording.untrue.append(outcome)
    return longest


def inject(arguments: Tuple[str, Fault]) -> Outcome:
    """A fault does the same each time; what the observer misjudged once, on a busy machine, is judged again and said."""
    first = inject_once(*arguments)
    if not first.problems:
        return first
    for _ in range(ATTEMPTS - 1):
        again = inject_once(*arguments)
        if not again.problems:
            again.doubts = first.problems
            return again
    return first


def inject_once(echod: str, fault: Fault) -> Outcome:
    for _ in range(ATTEMPTS):
        outcome = run(echod, fault.scenario, fault.task, [f"trace={fault.call.name}", fault.injection], fault)
        outcome.trace = [line for line in outcome.trace if "(INJECTED)" in line]
        if outcome.trace:
            break
        outcome.kind = MISSED
    outcome.fault, outcome.name = fault, str(fault)
    return outcome


def run(echod: str, scenario: Scenario, task: Task, expressions: List[str], fault: Optional[Fault]) -> Outcome:
    with Place(scenario) as place:
        try:
            start = tracing.start_held(place.command(echod), place.environment(), place.directory, task.birth)
            start.trace(place.trace, expressions)
            code, serves = await_outcome(place, start)
            begun = beginning(place, task) if serves and not fault else None
            outcome = judge(place, start, fault, code, serves)
            subreaper.end_children(but=[start.strace.pid])
            start.end_tracing()
            outcome.trace = begun or place.read("trace").splitlines()
            return outcome
        except tracing.NotHeld as error:
            return Outcome(FAILED, [str(error)], said=place.read("stderr"))
        finally:
            subreaper.end_children()


def beginning(place: Place, task: Task) -> List[str]:
    """What the task has called when its start is over: what it calls when it is told to stop is no part of that. On a
    busy machine a daemon serves before all its threads have come to their waiting."""
    eventually(lambda: ends_start(calls(task, place.read("trace").splitlines())), DEADLINE)
    return place.read("trace").splitlines()


def judge(place: Place, start: HeldStart, fault: Optional[Fault], code: Optional[int], serves: bool) -> Outcome:
    if serves:
        outcome = Outcome(SERVED, judge_success(place, start, fault))
        if outcome.problems and fault and fault.in_main and not eventually_none(lambda: survivors(start)):
            outcome = Outcome(MAIN_FAILED, judge_main_failure(place, start, fault))
    elif code is None:
        outcome = Outcome(HUNG, [f"it hangs{where(start)}"])
    else:
        outcome = Outcome(FAILED, judge_failure(place, start, code, fault))
    outcome.exit, outcome.said, outcome.log = code, place.read("stderr"), place.read("files/log")
    if place.read("stdout"):
        outcome.problems.append(f"standard output got {place.read('stdout')!r}")
    return outcome


def await_outcome(place: Place, start: HeldStart) -> Tuple[Optional[int], bool]:
    """The exit code, and whether that means that a daemon serves: a launcher's 0, or in the foreground an echo."""
    if not place.scenario.foreground:
        code = start.await_launcher(DEADLINE)
        return code, code == 0
    deadline = time.monotonic() + DEADLINE
    while time.monotonic() < deadline:
        code = start.await_launcher(0.01)
        if code is not None:
            return code, False
        addresses = listeners(start.launcher)
        if addresses and all(echoes(kind, address) for kind, address in addresses):
            return None, True
    return None, False


# The report.

def report(
    outcomes: List[Outcome], broken: List[Outcome], left_out: Counter, skipped: List[str], seconds: float
) -> int:
    reached = [outcome for outcome in outcomes if outcome.kind != MISSED]
    untrue = [outcome for outcome in reached if outcome.problems]
    print_table(reached)
    for outcome in broken + untrue:
        print_untrue(outcome)
    print_left_out(outcomes, left_out, skipped)
    for outcome in reached:
        if outcome.doubts:
            print(f"true only when judged again: {outcome.name}: {'; '.join(outcome.doubts)}")
    print(f"{len(reached)} faults in {seconds:.0f} s")
    print(f"{len(reached) - len(untrue)} passed, {len(untrue) + len(broken)} failed")
    return 1 if untrue or broken else 0


def print_table(outcomes: List[Outcome]) -> None:
    rows: Dict[str, Counter] = defaultdict(Counter)
    for outcome in outcomes:
        column = "UNTRUE" if outcome.problems else outcome.kind
        for name in (outcome.fault.call.name, "all"):
            rows[name].update(["faults", column])
    columns = ["faults", FAILED, SERVED, MAIN_FAILED, "UNTRUE"]
    print(f"{'call':<16}" + "".join(f"{column:>14}" for column in columns))
    for name in sorted(rows, key=lambda name: (name == "all", name)):
        print(f"{name:<16}" + "".join(f"{rows[name][column]:>14}" for column in columns))


def print_untrue(outcome: Outcome) -> None:
    print(f"\nUNTRUE {outcome.name}")
    if outcome.fault:
        print(f"  call      {outcome.trace[0]}")
    print(f"  outcome   {outcome.kind}, exit {outcome.exit}")
    for problem in outcome.problems:
        print(f"  problem   {problem}")
    for name, text in (("stderr", outcome.said), ("log", outcome.log)):
        for line in text.splitlines():
            print(f"  {name:<9} {line}")


def print_left_out(outcomes: List[Outcome], left_out: Counter, skipped: List[str]) -> None:
    print()
    if skipped:
        print(f"left out: only root can start {', '.join(skipped)}")
    names = ", ".join(f"{name} {count}" for name, count in sorted(left_out.items()))
    print(f"left out: calls that cannot fail, or belong to libc or the runtime, or are sampled (--all): {names}")
    for outcome in outcomes:
        if outcome.kind == MISSED:
            print(f"left out: not reached in {ATTEMPTS} starts: {outcome.fault}")


if __name__ == "__main__":
    sys.exit(main())
