"""The real logrotate, with the file from etc/ and a daemon that is written to all the while."""

from __future__ import annotations

import gzip
import os
import re
import threading
from typing import List

from harness.checks import expect_equal, needs, read
from harness.processes import wait_for
from ..case import Case, listed
from ..staging import LOG, PID_FILE, Staging

FILE = "/etc/logrotate.d/echod"
FIRST_LINE = "Reopening log files after receiving SIGHUP"
ROTATIONS = 6


class Writer(threading.Thread):
    """Writes numbered lines to whatever is the daemon's standard error in that moment."""

    def __init__(self, descriptor: str) -> None:
        super().__init__()
        self.count = 0
        self._descriptor = descriptor
        self._is_ending = threading.Event()

    def run(self) -> None:
        while not self._is_ending.is_set():
            file = os.open(self._descriptor, os.O_WRONLY | os.O_APPEND)
            os.write(file, f"line {self.count}\n".encode())
            os.close(file)
            self.count += 1

    def end(self) -> None:
        self._is_ending.set()
        self.join()


def daemon(stage: Staging) -> int:
    stage.install()
    expect_equal("start", stage.service("start").code, 0)
    pid = stage.pid()
    assert pid
    return pid


def rotate(stage: Staging) -> None:
    result = stage.run("logrotate", "-f", FILE)
    expect_equal("logrotate", (result.code, result.output), (0, ""))


def rotates(case: Case) -> None:
    needs("logrotate")
    with Staging(case) as stage:
        pid = daemon(stage)
        old = os.stat(stage.path(LOG)).st_ino
        rotate(stage)
        wait_for("the daemon has the new file", lambda: FIRST_LINE in read(stage.path(LOG)))
        expect_equal("old file", os.stat(stage.path(LOG + ".1")).st_ino, old)
        expect_equal("new file", stage.must("stat", "-c", "%U:%G:%a", LOG), "echod:echod:600\n")
        assert FIRST_LINE in read(stage.path(LOG)).splitlines()[0]
        expect_equal("the daemon", (stage.pid(), stage.is_alive(pid)), (pid, True))
        expect_equal("bytes back", stage.echo("after the rotation"), "after the rotation")
        expect_equal("stop", stage.service("stop").code, 0)
        assert "daemon shutdown" in read(stage.path(LOG)), "the last line is not in the new file"


def loses_nothing(case: Case) -> str:
    needs("logrotate")
    with Staging(case) as stage:
        pid = daemon(stage)
        writer = Writer(stage.path(f"/proc/{pid}/fd/2"))
        writer.start()
        try:
            for _ in range(ROTATIONS):
                reached = writer.count
                wait_for("more lines", lambda: writer.count > reached + 100)
                rotate(stage)
                new = os.stat(stage.path(LOG)).st_ino
                wait_for("the daemon has the new file",
                         lambda: os.stat(stage.path(f"/proc/{pid}/fd/2")).st_ino == new)
                expect_equal("bytes back", stage.echo("during the rotation"), "during the rotation")
        finally:
            writer.end()
        expect_equal("the daemon", (stage.pid(), stage.is_alive(pid)), (pid, True))
        expect_equal("stop", stage.service("stop").code, 0)
        lines = all_lines(stage)
    numbers = [int(line[5:]) for line in lines if re.fullmatch(r"line \d+", line)]
    expect_equal("numbered lines", sorted(numbers), list(range(writer.count)))
    others = [line for line in lines if not re.fullmatch(r"line \d+", line)]
    assert all(re.match(r"\d{4}-\d\d-\d\d .* echod pid=\d+ [A-Z]+ ", line) for line in others), f"torn: {others}"
    expect_equal("reopenings", sum(FIRST_LINE in line for line in others), ROTATIONS)
    for word in ("startup", "shutdown"):
        expect_equal(word, sum(f"daemon {word}" in line for line in others), 1)
    return f"{writer.count} lines over {ROTATIONS} rotations, each there once"


def all_lines(stage: Staging) -> List[str]:
    return lines_of(stage, LOG, ROTATIONS + 1)


def lines_of(stage: Staging, log: str, count: int) -> List[str]:
    """A log's and its rotated files', the oldest first."""
    directory, name = os.path.split(stage.path(log))
    files = [file for file in os.listdir(directory) if file.startswith(name)]
    ages = {int(re.sub(r"\D", "", file[len(name):]) or 0): file for file in files}
    expect_equal("files", sorted(ages), list(range(count)))
    text = b""
    for age in sorted(ages, reverse=True):
        with (gzip.open if ages[age].endswith(".gz") else open)(os.path.join(directory, ages[age]), "rb") as file:
            text += file.read()
    return text.decode().splitlines()


def verb_rotate(case: Case) -> None:
    """For who moves the file himself."""
    with Staging(case) as stage:
        pid = daemon(stage)
        os.rename(stage.path(LOG), stage.path(LOG + ".old"))
        expect_equal("rotate", stage.service("rotate").code, 0)
        wait_for("a new file", lambda: FIRST_LINE in read(stage.path(LOG)))
        expect_equal("new file", stage.must("stat", "-c", "%U:%G:%a", LOG), "echod:echod:600\n")
        expect_equal("the daemon", (stage.pid(), stage.is_alive(pid)), (pid, True))


def of_a_stopped_daemon(case: Case) -> None:
    """Rotated all the same, without a complaint that cron would send by mail."""
    needs("logrotate")
    with Staging(case) as stage:
        stage.kill(daemon(stage))
        rotate(stage)
        assert os.path.exists(stage.path(LOG + ".1"))
        os.unlink(stage.path(PID_FILE))
        with open(stage.path(LOG), "a", encoding="utf-8") as file:
            file.write("something\n")
        rotate(stage)
        os.unlink(stage.path(LOG))
        rotate(stage)


CHECKS = [
    listed("logrotate -f: the daemon goes on in a new file of the right owner and mode", rotates),
    listed("logrotate -f under writes: no line is lost or torn", loses_nothing),
    listed("logrotate -f of a daemon that does not run", of_a_stopped_daemon),
    listed("init script's rotate after a rename: a new file", verb_rotate),
]
