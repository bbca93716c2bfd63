"""The measurements. In each, subjects take turns in alternating order; each one's first sample is not counted."""
import os
import time
from collections import defaultdict
from contextlib import contextmanager
from dataclasses import dataclass, field

from process import threads
from report import skip
from running import Echoing, Programs, Serving, kill_children, memory, temporary_folder, work

SETTLE = 0.02
AT_ONCE = 0.1  # seconds: a replacement that takes longer is not waited for before the next subject's turn
ROUNDS_LIMIT = 70  # seconds: what takes long is done less often
LIFE = 1.3  # seconds: s6 and runit start a program once a second


def turns(items, rounds):
    """(round, item), the items backwards in every other round."""
    for number in range(rounds):
        for item in items if number % 2 == 0 else reversed(items):
            yield number, item


@contextmanager
def together(subjects, start):
    """All at once, each in a folder of its own; ended one by one without their own manners."""
    with temporary_folder() as folder:
        yield {subject.name: start(subject, folder / str(number)) for number, subject in enumerate(subjects)}


# MARK: Reloads

@dataclass
class Reloads:
    signals: list = field(default_factory=list)
    answers: list = field(default_factory=list)
    serving: list = field(default_factory=list)
    lost: int = 0
    failures: int = 0


def reloads(subjects, rounds):
    """{subject: Reloads}: USR2 and the command `reload` in turn, one worker each."""
    found = {subject.name: Reloads() for subject in subjects}
    with together(subjects, Serving) as running:
        time.sleep(1)
        for number, (name, one) in turns(list(running.items()), rounds + 1):
            samples = found[name]
            by_signal = one.reload_by_signal()
            time.sleep(SETTLE)
            by_command = one.reload_by_command()
            time.sleep(SETTLE)
            samples.lost += [by_signal, by_command].count(None)
            if number and by_signal:
                samples.signals.append(by_signal)
            if number and by_command:
                samples.answers.append(by_command[0])
                samples.serving.append(by_command[1])
        for name, one in running.items():
            found[name].failures = one.failures
    return found


def echod_reloads(subjects, rounds):
    """{subject: [ns of the command `reload`]} where the worker is echod."""
    found = defaultdict(list)
    with together(subjects, Echoing) as running:
        for number, (name, one) in turns(list(running.items()), rounds + 1):
            taken, answer = one.command("reload")
            if not answer.startswith("Success=1") or not one.ask():
                one.fail(f"reload: {answer}")
            if number:
                found[name].append(taken)
            time.sleep(SETTLE)
    return dict(found)


# MARK: At rest

@dataclass
class Rest:
    processes: int
    memory: tuple
    threads: int
    work: tuple
    after: tuple = ()


def rest(subjects, seconds):
    """{subject: Rest} with one child; all rest in the same seconds, and again after a reload."""
    def start(subject, folder):
        return Serving(subject, folder) if subject.serves else Programs(subject, folder, 1)
    with together(subjects, start) as running:
        time.sleep(min(seconds, 6))  # s6 and runit look again some seconds after their start
        pids = {name: one.supervising(one.pids) for name, one in running.items()}
        found = {name: Rest(len(some), memory(some), sum(map(threads, some)), work(some))
                 for name, some in pids.items()}
        time.sleep(seconds)
        for name, some in pids.items():
            found[name].work = tuple(new - old for old, new in zip(found[name].work, work(some)))
        for one in running.values():
            if one.subject.serves:
                one.reload_by_command()
        time.sleep(min(seconds, 3))
        for name, one in running.items():
            if one.subject.serves:
                found[name].after = memory([one.pid])
    return found


# MARK: Crashes

def crashes(subjects, kills):
    """{subject: [ns from kill -9 of a program to its replacement's main]}; every program lives LIFE at least."""
    found = defaultdict(list)
    with together(subjects, lambda subject, folder: Programs(subject, folder, 1)) as running:
        for number in range(kills + 1):
            time.sleep(LIFE)
            late = {}
            for name, one in list(running.items())[::-1 if number % 2 else 1]:
                sent = one.kill()
                if main := one.replaced(AT_ONCE):
                    found[name].append(main - sent)
                else:
                    late[name] = sent
            for name, sent in late.items():
                found[name].append(running[name].replaced() - sent)
    return {name: samples[1:] for name, samples in found.items()}


# MARK: Many programs

@dataclass
class Crowd:
    starts: list = field(default_factory=list)
    stops: list = field(default_factory=list)
    processes: int = 0
    memory: tuple = ()
    work: tuple = ()
    # CPU ticks of the supervision from its start until it came to rest.
    spent: int = 0


def crowds(subjects, count, rounds, seconds):
    """{subject: Crowd} of `count` programs, one subject at a time; at rest in the first round, for `seconds`."""
    found = defaultdict(Crowd)
    broken = set()
    deadline = time.monotonic() + ROUNDS_LIMIT
    with temporary_folder() as folder:
        for number, subject in turns(subjects, rounds):
            if subject.name in broken or number and time.monotonic() > deadline:
                continue
            crowd = found[subject.name]
            try:
                one = Programs(subject, folder / f"{number}-{subject.name}".replace(" ", ""), count)
                crowd.starts.append(one.start_time)
                if number == 0:
                    look(one, crowd, seconds)
                time.sleep(0.2)
                begun = time.monotonic_ns()
                one.stop()
                crowd.stops.append(time.monotonic_ns() - begun)
            except RuntimeError as error:
                skip(f"{subject.name}, {count} programs", str(error).splitlines()[0])
                broken.add(subject.name)
                kill_children()
    return {name: crowd for name, crowd in found.items() if crowd.starts and crowd.stops and crowd.memory}


def look(one, crowd, seconds):
    time.sleep(1.5)
    pids = one.supervising(one.pids)
    crowd.processes, crowd.memory = len(pids), memory(pids)
    before = work(pids)
    crowd.spent = before[1]
    time.sleep(seconds)
    crowd.work = tuple(new - old for old, new in zip(before, work(pids)))


# MARK: Leaks

def footprint(one):
    return (*memory([one.pid]), len(os.listdir(f"/proc/{one.pid}/fd")))


def leaks(subject, points):
    """{what: [(rounds, RSS, PSS, private, descriptors)]} of one subject, at these numbers of rounds."""
    found = {}
    with temporary_folder() as folder:
        one = Serving(subject, folder / "reloads")

        def reload():
            one.command("reload")
        found["reloads"] = list(looped(one, reload, points))
        one = Programs(subject, folder / "kills", 1, policy="restart always backoff 1ms 1ms")
        found["kills"] = list(looped(one, one.crash, points))
    return found


def looped(one, action, points):
    done = 0
    for point in points:
        for _ in range(point - done):
            action()
        done = point
        time.sleep(1.1)  # what is given back at rest is given back once a second
        yield (point, *footprint(one))
