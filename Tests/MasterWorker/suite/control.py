"""A client of the control socket: one command a session, and the interactive one."""

import dataclasses
import json
import re
import socket
import time
from dataclasses import dataclass
from typing import Dict, List, Optional

from harness.checks import Failed, expect
from harness.clients import connect
from harness.processes import PATIENCE


VERSION = re.compile(r"\d+\.\d+\S*\n*")
"""What `show version` answers, as HAProxy's."""


def talk(path: str, request: bytes, seconds: float = PATIENCE) -> str:
    """Everything that comes until the other side closes."""
    deadline = time.monotonic() + seconds
    answer = b""
    with connect(path, PATIENCE) as sock:
        sock.sendall(request)
        sock.shutdown(socket.SHUT_WR)
        while True:
            sock.settimeout(max(0.001, deadline - time.monotonic()))
            try:
                chunk = sock.recv(65536)
            except TimeoutError:
                raise Failed(f"no end of the answer to {request!r} within {seconds:g} s, only {answer!r}") from None
            if not chunk:
                return answer.decode(errors="replace")
            answer += chunk


def ask(path: str, command: str, seconds: float = PATIENCE) -> str:
    """The answer to one command, without the empty line at its end, which has to be there."""
    answer = talk(path, f"{command}\n".encode(), seconds)
    has_end = answer == "\n" or answer.endswith("\n\n")
    expect(has_end, f"the answer to {command!r} has no empty line at its end: {answer!r}")
    return answer[:-1]


class Session:
    """An interactive session, from its first prompt on."""

    PROMPT = re.compile(r"(?:^|\n)([^\n]*> )$")

    def __init__(self, path: str) -> None:
        self._sock = connect(path, PATIENCE)
        self.prompt = ""
        self.say("prompt")

    def fileno(self) -> int:
        return self._sock.fileno()

    def send(self, text: str) -> None:
        self._sock.sendall(text.encode())

    def say(self, command: str, seconds: float = PATIENCE) -> str:
        """The answer to a command, up to the next prompt, which is kept."""
        self.send(f"{command}\n")
        return self.answer(seconds)

    def answers(self, command: str = "show version") -> bool:
        return bool(VERSION.fullmatch(self.say(command)))

    def answer(self, seconds: float = PATIENCE) -> str:
        deadline = time.monotonic() + seconds
        text = ""
        while True:
            found = self.PROMPT.search(text)
            if found:
                self.prompt = found[1]
                return text[:found.start(1)]
            self._sock.settimeout(max(0.001, deadline - time.monotonic()))
            try:
                chunk = self._sock.recv(65536)
            except TimeoutError:
                raise Failed(f"no prompt within {seconds:g} s, only {text!r}") from None
            expect(chunk, f"the session was ended after {text!r}")
            text += chunk.decode(errors="replace")

    def close(self) -> None:
        self._sock.close()

    def __enter__(self) -> "Session":
        return self

    def __exit__(self, *_) -> None:
        self.close()


@dataclass(frozen=True)
class Row:
    pid: int
    kind: str
    reloads: str
    uptime: str
    version: str


class Table:
    """What `show proc` printed, read strictly: columns of 15 joined by one blank."""

    HEAD = " ".join(f"{word:<15}" for word in ("#<PID>", "<type>", "<reloads>", "<uptime>", "<version>")).rstrip()
    TITLES = ["workers", "old workers", "programs", "old programs"]

    def __init__(self, text: str) -> None:
        self.text = text
        lines = [line.rstrip() for line in text.splitlines() if line]
        expect(lines and lines[0] == self.HEAD, f"the head is not {self.HEAD!r}: {text}")
        expect(len(lines) > 1, f"no master: {text}")
        self.master = self._row(lines[1])
        self.parts: Dict[str, List[Row]] = {}
        part: Optional[List[Row]] = None
        self.stopped: List[str] = []
        """Services that somebody has stopped."""
        self.idle: Dict[str, str] = {}
        """What is said of an instance that does not run: `NAME INSTANCE`."""
        for line in lines[2:]:
            if line.startswith("# stopped: "):
                self.stopped = line[len("# stopped: "):].split(", ")
            elif line.startswith("# not running: "):
                name, text = line[len("# not running: "):].split(": ", 1)
                self.idle[name] = text
            elif line.startswith("# "):
                expect(line[2:] in self.TITLES, f"an unknown part {line!r}: {text}")
                part = self.parts.setdefault(line[2:], [])
            else:
                expect(part is not None, f"a row without a part: {text}")
                part.append(self._row(line))

    def __getitem__(self, title: str) -> List[Row]:
        return self.parts.get(title, [])

    def _row(self, line: str) -> Row:
        cells = re.fullmatch(r"(\d+) +(\S.*?) +(\d+(?: \[failed: \d+\])?) +(\d+d\d\dh\d\dm\d\ds) *(.*)", line)
        expect(cells, f"not a row: {line!r}")
        row = Row(int(cells[1]), cells[2], cells[3], cells[4], cells[5].strip())
        wanted = " ".join(f"{cell:<15}" for cell in (cells[1], cells[2], cells[3], cells[4], row.version)).rstrip()
        expect(line == wanted, f"the columns are not of 15 and one blank: {line!r}, wanted {wanted!r}")
        # As HAProxy: the master's line always has both numbers.
        expect((row.kind == "master") == (" [failed: " in row.reloads), f"failures: {line!r}")
        return dataclasses.replace(row, reloads=row.reloads.removesuffix(" [failed: 0]"))


@dataclass(frozen=True)
class Child:
    """A child as `show proc json` has it."""
    pid: int
    service: str
    generation: int
    state: str
    facts: dict


def children(text: str) -> List[Child]:
    try:
        value = json.loads(text)
    except ValueError as error:
        raise Failed(f"not JSON: {error}: {text}") from None
    return [Child(each["pid"], each["service"], each["generation"], each["state"], each) for each in value["children"]]
