"""Runs each check in a process of its own, which adopts and ends all that the check starts."""

from __future__ import annotations

import json
import os
import select
import shutil
import signal
import sys
import tempfile
import time
import traceback
from dataclasses import dataclass
from typing import Dict, Iterator, List, Sequence

from . import processes
from .case import Case, Failed, Unavailable
from .checks import Check
from .subjects import Subject

LIMIT = 30.0
"""Seconds after which a check is given up: far more than all of its deadlines."""

OK, FAIL, NOT_APPLICABLE, SKIPPED = "ok", "FAIL", "n/a", "skip"


@dataclass(frozen=True)
class Result:
    check: Check
    verdict: str
    detail: str


@dataclass
class Running:
    """A check under way: its process, the pipe that brings its result, its directory, and when to give up."""
    check: Check
    pid: int
    pipe: int
    directory: str
    deadline: float
    received: bytes = b""


def run(subject: Subject, checks: Sequence[Check], jobs: int) -> Iterator[Result]:
    """The results in the order of the checks, each as soon as it and those before it are there."""
    processes.become_subreaper()
    waiting, running, done = list(checks), [], {}
    try:
        for check in checks:
            while check not in done:
                while waiting and len(running) < jobs:
                    running.append(_begin(subject, waiting.pop(0)))
                _collect(running, done)
            yield done.pop(check)
    finally:
        if running:
            processes.end_descendants()
        for left in running:
            shutil.rmtree(left.directory, ignore_errors=True)


def _begin(subject: Subject, check: Check) -> Running:
    reader, writer = os.pipe()
    directory = tempfile.mkdtemp(prefix="conformance-")
    sys.stdout.flush()
    pid = os.fork()
    if pid == 0:
        status = 1
        try:
            os.close(reader)
            os.write(writer, json.dumps(_perform(subject, check, directory)).encode())
            status = 0
        finally:
            os._exit(status)
    os.close(writer)
    return Running(check, pid, reader, directory, time.monotonic() + LIMIT)


def _collect(running: List[Running], done: Dict[Check, Result]) -> None:
    """Waits a moment for results, and takes them."""
    readable = select.select([each.pipe for each in running], [], [], 0.5)[0]
    for each in list(running):
        if each.pipe in readable:
            chunk = os.read(each.pipe, 65536)
            each.received += chunk
            if chunk:
                continue
        elif time.monotonic() < each.deadline:
            continue
        running.remove(each)
        done[each.check] = _finish(each)
    _end_orphans({each.pid for each in running})


def _finish(ended: Running) -> Result:
    """The check's result, or why there is none."""
    os.close(ended.pipe)
    if not ended.received:
        os.kill(ended.pid, signal.SIGKILL)
    os.waitpid(ended.pid, 0)
    shutil.rmtree(ended.directory, ignore_errors=True)
    if not ended.received:
        return Result(ended.check, FAIL, "the check itself came to no end")
    return Result(ended.check, *json.loads(ended.received))


def _end_orphans(own: set) -> None:
    """Ends what a check that was given up left to this process."""
    for pid in processes.below(os.getpid()):
        if processes.Process(pid).parent == os.getpid() and pid not in own:
            os.kill(pid, signal.SIGKILL)
            os.waitpid(pid, 0)


def _perform(subject: Subject, check: Check, directory: str) -> List[str]:
    """Verdict and detail of one check, after which nothing of it is left."""
    lacking = [subject.lacks[need] for need in check.needs if need in subject.lacks]
    if lacking:
        return [NOT_APPLICABLE, lacking[0]]
    processes.become_subreaper()
    try:
        verdict, detail = _judge(check, Case(subject, directory))
    finally:
        clean = processes.end_descendants()
    return [verdict, detail] if clean else [FAIL, f"{detail}; a process cannot be killed".lstrip("; ")]


def _judge(check: Check, case: Case) -> List[str]:
    try:
        check.function(case)
    except Failed as failure:
        return [FAIL, str(failure).replace(case.directory, "...")]
    except Unavailable as reason:
        return [SKIPPED, str(reason)]
    except Exception as error:     # a subject that vanishes under the check's eyes: the check failed, the suite goes on
        place = traceback.extract_tb(error.__traceback__)[-1]
        return [FAIL, f"{type(error).__name__}: {error} ({os.path.basename(place.filename)}:{place.lineno})"]
    return [OK, ""]
