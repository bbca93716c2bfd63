#!/usr/bin/env python3
"""The gate on instruction counts: what a start, a restart, a captured line and a reload cost, by callgrind.

Counts do not depend on how busy the machine is, so that a few per cent are seen which no clock shows. More than 5 % above
the value in `recorded` is a failure; far below it, the value should be recorded anew (--record). Values hold for one
version of Swift and one C library: with others nothing is judged.
"""

import argparse
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

sys.dont_write_bytecode = True
HERE = Path(__file__).resolve().parent
# The harness that all suites in Python share lies beside them.
sys.path.insert(0, str(HERE.parent))

from harness.processes import wait_for                      # noqa: E402

RECORDED = HERE / "recorded"
TOLERANCE = 0.05
PATIENCE = 60
# Hashes of Swift's sets differ from run to run otherwise.
ENVIRONMENT = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LANG": "C.UTF-8", "SWIFT_DETERMINISTIC_HASHING": "1"}


class Machine:
    """Executables without symbols: valgrind reads them slowly, and cannot read our debugging information; in a directory that goes away."""

    def __init__(self, binaries: Path):
        self.directory = Path(tempfile.mkdtemp(prefix="instructions."))
        self.count = 0
        for name in ("echod", "masterd"):
            subprocess.run(["strip", "-s", "-o", self.directory / name, binaries / name], check=True)

    def fresh(self) -> Path:
        self.count += 1
        place = self.directory / str(self.count)
        place.mkdir()
        return place

    def start(self, place: Path, *words) -> subprocess.Popen:
        return subprocess.Popen(
            ["valgrind", "--tool=callgrind", "-q", f"--callgrind-out-file={place}/out.%p",
             str(self.directory / words[0]), *map(str, words[1:])], env=ENVIRONMENT, stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL, stderr=open(place / "err", "ab"))

    def end(self, process: subprocess.Popen, place: Path, status: int = 0) -> None:
        if process.wait(PATIENCE) != status:
            raise RuntimeError(f"exit status {process.returncode}: {(place / 'err').read_text()[-500:]}")

    def clear(self) -> None:
        shutil.rmtree(self.directory, ignore_errors=True)


def instructions(place: Path) -> int:
    """Of all processes that ran in this place."""
    found = [re.search(r"^(?:totals|summary): (\d+)", file.read_text(), re.M) for file in place.glob("out.*")]
    return sum(int(match[1]) for match in found if match)


def lines(path: Path) -> int:
    return path.read_bytes().count(b"\n") if path.exists() else 0


def said(place: Path, text: str) -> int:
    return (place / "err").read_text().count(text)


# What is counted

def version(machine: Machine) -> int:
    place = machine.fresh()
    machine.end(machine.start(place, "echod", "--version"), place)
    return instructions(place)


def daemon(machine: Machine) -> int:
    """Launcher, child and daemon, up to the end of the daemon by SIGTERM."""
    place = machine.fresh()
    pid_file = place / "pid"
    machine.end(machine.start(place, "echod", "--bind", f"{place}/socket", "--pid-file", pid_file,
                              "--log-file", place / "log"), place)
    pid = int(pid_file.read_text())
    os.kill(pid, signal.SIGTERM)
    wait_for("the daemon's end", lambda: not pid_file.exists(), PATIENCE)
    # Its own count comes with its very end.
    wait_for("the daemon's count", lambda: (place / f"out.{pid}").exists() and instructions(place) > 0
             and not os.path.exists(f"/proc/{pid}"), PATIENCE)
    return instructions(place)


def master(machine: Machine, configuration: str, enough, act=None) -> int:
    """From the start of a master to its end, which comes when `enough` is true of its place."""
    place = machine.fresh()
    (place / "m.cfg").write_text(configuration.format(place=place))
    process = machine.start(place, "masterd", "-f", "-c", place / "m.cfg", "--pid-file", place / "pid",
                            "--log-file", "-")
    try:
        wait_for("the master's work", lambda: process.poll() is not None or enough(place), PATIENCE)
        if act:
            act(place, process)
        process.terminate()
        machine.end(process, place)
    finally:
        if process.poll() is None:
            process.kill()
            process.wait()
    return instructions(place)


def restart(machine: Machine) -> int:
    """A program that ends at once and is started again, of 100."""
    def times(count: int) -> int:
        # The last one stays.
        command = f"/bin/sh -c 'echo >>{{place}}/starts; [ $(wc -l <{{place}}/starts) -le {count} ] || exec sleep 1000'"
        return master(machine, f"program a\n    command {command}\n    restart always backoff 1ms 1ms limit 100000/1s\n"
                      "    log inherit\n", lambda place: lines(place / "starts") > count)
    return (times(120) - times(20)) // 100


def line(machine: Machine) -> int:
    """A line of 100 bytes behind the program's name in the master's log, of 100,000, as many as fit into a pipe at a
    time: the reader is the slower one here."""
    def captured(count: int) -> int:
        text = "x" * 99
        command = f"/bin/sh -c 'yes {text} | head -n {count}; exec sleep 1000'"
        return master(machine, f"program a\n    command {command}\n    log prefix\n",
                      lambda place: lines(place / "err") > count)
    return (captured(110_000) - captured(10_000)) // 100_000


def reload(machine: Machine) -> int:
    """A reload that replaces 100 programs."""
    configuration = "".join(f"program p{number}\n    command /bin/sleep 1000\n    log inherit\n"
                            for number in range(100))

    def reloads(count: int) -> int:
        def act(place: Path, process: subprocess.Popen) -> None:
            for number in range(count):
                os.kill(process.pid, signal.SIGUSR2)
                wait_for("a reload", lambda: said(place, "Loading success") > number + 1
                         and said(place, "Former program") >= 100 * (number + 1), PATIENCE)
        return master(machine, configuration, lambda place: said(place, "Loading success") == 1, act)
    # What comes together is handled together: the least of several is what a reload needs.
    return min(reloads(2) - reloads(1) for _ in range(2))


FIGURES = {"version": version, "start": daemon, "restart": restart, "line": line, "reload": reload}


def toolchain() -> str:
    """Whose code is counted, beside ours."""
    swift = subprocess.run(["swift", "--version"], capture_output=True, text=True).stdout.splitlines()
    libc = subprocess.run(["ldd", "--version"], capture_output=True, text=True).stdout.splitlines()
    return f"{swift[0] if swift else 'no swift'}; {libc[0] if libc else 'no ldd'}; {os.uname().machine}"


def read_recorded() -> dict:
    if not RECORDED.exists():
        return {}
    pairs = [line.split("\t") for line in RECORDED.read_text().splitlines() if line and not line.startswith("#")]
    return {pair[0]: pair[1] for pair in pairs}


def write_recorded(counts: dict) -> None:
    head = "# Instructions, by instructions.py --record: what, a tab, how many.\n"
    RECORDED.write_text(head + f"toolchain\t{toolchain()}\n"
                        + "".join(f"{name}\t{count}\n" for name, count in counts.items()))


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bin", type=Path, default=HERE.parent.parent / ".build" / "release",
                        help="of a release build with --static-swift-stdlib; default: %(default)s")
    parser.add_argument("--only", choices=FIGURES, action="append")
    parser.add_argument("--record", action="store_true", help="write the counts into `recorded`")
    options = parser.parse_args()
    for tool in ("valgrind", "strip"):
        if not shutil.which(tool):
            print(f"instructions: skipped: no {tool}")
            return 0
    recorded = read_recorded()
    if not options.record and recorded.get("toolchain") != toolchain():
        print(f"instructions: skipped: recorded with another toolchain than {toolchain()}")
        return 0
    machine, counts, failed = Machine(options.bin), {}, []
    try:
        for name, figure in FIGURES.items():
            if options.only and name not in options.only:
                continue
            start = time.monotonic()
            counts[name] = figure(machine)
            known = int(recorded.get(name, 0))
            share = f"{counts[name] / known - 1:+.1%}" if known else "new"
            is_more = known and counts[name] > known * (1 + TOLERANCE)
            if is_more and not options.record:
                failed.append(name)
            print(f"{'FAIL' if name in failed else 'ok  '}  {name}: {counts[name]:,} instructions, recorded {known:,}"
                  f" ({share}), {time.monotonic() - start:.1f} s", flush=True)
    finally:
        machine.clear()
    if options.record:
        write_recorded({**{name: int(count) for name, count in recorded.items() if name in FIGURES}, **counts})
    print(f"{'FAILED' if failed else 'ok'}: {len(counts) - len(failed)} of {len(counts)} within {TOLERANCE:.0%}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
