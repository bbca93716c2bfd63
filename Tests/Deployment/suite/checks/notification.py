"""sd_notify(3): the test is the service manager, with a socket of its own."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import time
from typing import Callable, Dict, List

from harness.checks import expect_equal, expect_in, read
from harness.processes import children, wait_for
from ..case import Case, listed


class Manager:
    """The other end of NOTIFY_SOCKET, and what it started: echod, or another command."""

    def __init__(self, case: Case, *command: str, abstract: bool, watchdog: bool = False) -> None:
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.settimeout(10)
        address = f"@deployment-{os.getpid()}-{os.path.basename(case.directory)}" if abstract else case.path("notify")
        self._socket.bind(address.replace("@", "\0", 1) if abstract else address)
        environment = {"NOTIFY_SOCKET": address, **({"WATCHDOG_USEC": "200000"} if watchdog else {})}
        words = command or case.foreground("--bind=127.0.0.1:0")
        self.process: subprocess.Popen = case.start(*words, environment=environment)

    def __enter__(self) -> "Manager":
        return self

    def __exit__(self, *exception: object) -> None:
        self._socket.close()

    def receive(self) -> Dict[str, str]:
        """The next message's assignments."""
        try:
            text = self._socket.recv(4096).decode()
        except socket.timeout:
            raise AssertionError("no message within 10 s") from None
        return dict(line.split("=", 1) for line in text.split("\n") if line)

    def says_within(self, seconds: float) -> Dict[str, str]:
        """The next message, or nothing when there is none for so long."""
        self._socket.settimeout(seconds)
        try:
            return self.receive()
        except AssertionError:
            return {}
        finally:
            self._socket.settimeout(10)

    def receive_with(self, key: str) -> Dict[str, str]:
        """The next message but beats, states and extensions that says it."""
        while True:
            message = self.receive()
            if key in message:
                return message
            assert set(message) <= {"WATCHDOG", "STATUS", "EXTEND_TIMEOUT_USEC", "FDSTORE", "FDNAME"}, f"{message} came before {key}"


def whole_life(abstract: bool) -> Callable[[Case], None]:
    def body(case: Case) -> None:
        with Manager(case, abstract=abstract) as manager:
            ready = manager.receive()
            expect_equal("READY", ready.get("READY"), "1")
            expect_equal("MAINPID", ready.get("MAINPID"), str(manager.process.pid))
            expect_equal("pid file at READY=1", read(case.path("pid")), f"{manager.process.pid}\n")
            expect_in("listening on 127.0.0.1:", case.log())
            reload_once(manager)
            reload_once(manager)
            manager.process.send_signal(signal.SIGTERM)
            expect_equal("STOPPING", manager.receive_with("STOPPING")["STOPPING"], "1")
            expect_equal("exit code", manager.process.wait(timeout=10), 0)
    return body


def reload_once(manager: Manager) -> None:
    """Type=notify-reload wants a time after the signal was sent."""
    before = time.clock_gettime_ns(time.CLOCK_MONOTONIC) // 1000
    manager.process.send_signal(signal.SIGHUP)
    reloading = manager.receive_with("RELOADING")
    after = time.clock_gettime_ns(time.CLOCK_MONOTONIC) // 1000
    expect_equal("RELOADING", reloading["RELOADING"], "1")
    moment = int(reloading["MONOTONIC_USEC"])
    assert before <= moment <= after, f"MONOTONIC_USEC={moment} is not between {before} and {after}"
    expect_equal("READY after RELOADING", manager.receive_with("READY")["READY"], "1")


def workers_reload(case: Case) -> None:
    """The master of --workers has reloaded when the last of its workers has."""
    command = case.foreground("--bind=127.0.0.1:0", "--workers=2")
    with Manager(case, *command, abstract=False) as manager:
        manager.receive_with("READY")
        reload_once(manager)
        first, second = wait_for("two workers", lambda: len(found := children(manager.process.pid)) == 2 and found)
        os.kill(first, signal.SIGSTOP)
        try:
            log = len(case.log())
            manager.process.send_signal(signal.SIGHUP)
            expect_equal("RELOADING", manager.receive_with("RELOADING")["RELOADING"], "1")
            wait_for("the other worker's reload", lambda: f"pid={second} NOTICE Reopening" in case.log()[log:])
            early = manager.says_within(0.5)
            assert not early, f"{early}, though a worker has not reloaded"
        finally:
            os.kill(first, signal.SIGCONT)
        expect_equal("READY after RELOADING", manager.receive_with("READY")["READY"], "1")
        # One that is killed meanwhile keeps nobody waiting.
        os.kill(first, signal.SIGSTOP)
        manager.process.send_signal(signal.SIGHUP)
        manager.receive_with("RELOADING")
        os.kill(first, signal.SIGKILL)
        expect_equal("READY after RELOADING", manager.receive_with("READY")["READY"], "1")
        manager.process.send_signal(signal.SIGTERM)
        expect_equal("exit code", manager.process.wait(timeout=10), 0)


def watchdog(abstract: bool) -> Callable[[Case], str]:
    """At half of WATCHDOG_USEC, so each gap is well below the whole, and it takes as long as it should."""
    def body(case: Case) -> str:
        with Manager(case, abstract=abstract, watchdog=True) as manager:
            manager.receive_with("READY")
            times: List[float] = []
            while len(times) < 6:
                if manager.receive().get("WATCHDOG") == "1":
                    times.append(time.monotonic())
        gaps = [later - earlier for earlier, later in zip(times, times[1:])]
        mean = sum(gaps) / len(gaps)
        assert 0.08 <= mean <= 0.15, f"the mean gap is {mean:.3f} s, not 0.1"
        return f"a beat every {mean * 1000:.0f} ms of 200"
    return body


def survives_a_deaf_manager(case: Case) -> None:
    """A NOTIFY_SOCKET that nobody has bound is no reason not to start."""
    process = case.start_echod("--bind=127.0.0.1:0", environment={"NOTIFY_SOCKET": case.path("nobody")})
    wait_for("the daemon serves", lambda: "listening on" in case.log())
    process.send_signal(signal.SIGTERM)
    expect_equal("exit code", process.wait(timeout=10), 0)


CHECKS = [
    listed("NOTIFY_SOCKET: a reload of --workers ends when the last worker has reloaded", workers_reload),
    listed("NOTIFY_SOCKET (path): ready, reload, stop", whole_life(abstract=False)),
    listed("NOTIFY_SOCKET (abstract): ready, reload, stop", whole_life(abstract=True)),
    listed("NOTIFY_SOCKET (path): the watchdog is fed at half its time", watchdog(abstract=False)),
    listed("NOTIFY_SOCKET (abstract): the watchdog is fed at half its time", watchdog(abstract=True)),
    listed("NOTIFY_SOCKET that nobody has bound: the daemon serves", survives_a_deaf_manager),
]
