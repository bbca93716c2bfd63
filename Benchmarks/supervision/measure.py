"""The measurements. In each, subjects take turns in alternating order; each one's first sample is not counted."""
import itertools
import shutil
import tempfile
import time
from collections import defaultdict
from contextlib import ExitStack, contextmanager
from pathlib import Path

from process import activity, memory_kib, threads
from report import skip
from superdaemon import PRELOAD, WORKER, Process, Superdaemon, adopt_orphans, kill_children

BARE = "bare"
GIB = 2**30
SERVE = [WORKER, "serve"]
STATUS = "--status-file={folder}/state/status"
SETTLE, LIFE = 0.01, 0.35


@contextmanager
def temporary_folder():
    adopt_orphans()
    folder = Path(tempfile.mkdtemp(prefix="supervision-bench."))
    try:
        yield folder
    finally:
        kill_children()
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def running(subjects, worker, *modes):
    """A superdaemon for each subject and mode (name, options, environment), all at once: {(name, mode): it}."""
    with temporary_folder() as folder, ExitStack() as stack:
        daemons = {}
        for subject, (mode, options, environment) in itertools.product(subjects, modes):
            daemon = Superdaemon(subject, folder / str(len(daemons)), worker, options, environment=environment)
            daemons[subject.name, mode] = stack.enter_context(daemon)
        yield daemons


def turns(items, rounds):
    """(round, item), the items backwards in every other round."""
    for number in range(rounds):
        for item in items if number % 2 == 0 else reversed(items):
            yield number, item


def starts(subjects, workers, rounds):
    """{worker: {subject or BARE: [ns from vfork and exec to the worker's main]}}."""
    samples = {name: defaultdict(list) for name in workers}
    cases = list(itertools.product(workers, [None, *subjects]))
    with temporary_folder() as parent:
        for number, (name, subject) in turns(cases, rounds + 1):
            command, environment = workers[name]
            folder = parent / "one"
            if subject:
                options = ["--interval=0", "--path={folder}/state/sock"]
                process = Superdaemon(subject, folder, command, options, environment=environment)
            else:
                process = Process(name, folder, command, environment)
            with process:
                if number:
                    samples[name][subject.name if subject else BARE].append(process.worker.main - process.worker.begun)
                time.sleep(SETTLE)
            shutil.rmtree(folder)
    return samples


def rest(subjects, seconds):
    """{subject: (rss, pss, private, threads, wake-ups, ticks)}; all rest in the same seconds."""
    options = ["--path={folder}/state/sock", "--pid-file={folder}/pid", STATUS]
    with running(subjects, SERVE, ("", options, {})) as daemons:
        time.sleep(2.5)
        memory = {name: (*memory_kib(daemon.pid), threads(daemon.pid)) for (name, _), daemon in daemons.items()}
        before = {name: activity(daemon.pid) for (name, _), daemon in daemons.items()}
        time.sleep(seconds)
        after = {name: activity(daemon.pid) for (name, _), daemon in daemons.items()}
    return {name: (*memory[name], *(new - old for old, new in zip(before[name], after[name]))) for name in memory}


def hups(subjects, rounds, *options):
    """({subject: [Round]}, {subject: lost HUPs})."""
    options = ["--path={folder}/state/sock", STATUS, *options]
    found = defaultdict(list)
    with running(subjects, SERVE, ("", options, {})) as daemons:
        time.sleep(1.5)
        for number, ((name, _), daemon) in turns(list(daemons.items()), rounds + 1):
            done = daemon.round()
            if number:
                found[name].append(done)
            time.sleep(SETTLE)
        return dict(found), {name: daemon.lost for (name, _), daemon in daemons.items()}


def crashes(subjects, kills):
    """{subject: [ns from kill -9 of the worker to its replacement's main]}; every worker lives LIFE at least."""
    found = defaultdict(list)
    with running(subjects, SERVE, ("", ["--interval=0", "--path={folder}/state/sock"], {})) as daemons:
        time.sleep(1.5)
        for number, ((name, _), daemon) in turns(list(daemons.items()), kills + 1):
            time.sleep(max(0, daemon.worker.main / 1e9 + LIFE - time.monotonic()))
            sample = daemon.crash()
            if number:
                found[name].append(sample)
            time.sleep(SETTLE)
    return dict(found)


def rates(subjects, bursts, rounds):
    """{(subject, bytes of ballast): [HUP rounds a second]}, each HUP as soon as the round before is over."""
    heavy = {"LD_PRELOAD": str(PRELOAD), "BENCH_BALLAST": str(GIB)}
    options = ["--interval=0", "--path={folder}/state/sock"]
    found = defaultdict(list)
    with running(subjects, SERVE, (0, options, {}), (GIB, options, heavy)) as daemons:
        time.sleep(1.5)
        for (name, ballast), daemon in list(daemons.items()):
            if ballast and memory_kib(daemon.pid)[0] * 1024 < ballast:
                skip(f"{name} with 1 GiB", "LD_PRELOAD has no effect in it")
                daemons.pop((name, ballast)).stop()
        for number, (case, daemon) in turns(list(daemons.items()), bursts + 1):
            missed, begun = daemon.lost, time.monotonic()
            for _ in range(rounds):
                daemon.round()
            if number and daemon.lost == missed:
                found[case].append(rounds / (time.monotonic() - begun))
            time.sleep(SETTLE)
        lost = {case: daemon.lost for case, daemon in daemons.items()}
    return dict(found), lost
