"""The built executables under mutated inputs: `executables.py TARGET SECONDS BIN KEEP`. The last line is the count.

A process that is ended by a signal, hangs, or does not answer any more is a failure; its input is kept.
"""

import os
import random
import socket
import subprocess
import sys
import tempfile
import time
from typing import Callable, Dict, List, Optional

HERE = os.path.dirname(os.path.abspath(__file__))
# The harness that all suites in Python share lies beside them.
sys.path.insert(0, os.path.dirname(HERE))

from harness.checks import Failed                    # noqa: E402
from harness.clients import connect                  # noqa: E402
from harness.commands import run                     # noqa: E402
from harness.moments import meanwhile                # noqa: E402
from harness.processes import end, eventually        # noqa: E402

TOKENS = [b"\n", b" ", b"=", b";", b"<<E\n", b"\0", b"\xff", b"\xe2\x82", b"%00", b"'", b'"', b"\\", b"$A", b"${A",
          b"-1", b"0", b"18446744073709551616", b"9223372036854775807", b"2147483648", b"--", b"@1 ", b"@!1 "]
LIMIT = 20.0


class Mutator:
    def __init__(self, target: str, seed: Optional[int] = None) -> None:
        self.random = random.Random(seed)
        directory = os.path.join(HERE, "Corpus", target)
        self.seeds: List[bytes] = []
        for name in sorted(os.listdir(directory)):
            with open(os.path.join(directory, name), "rb") as file:
                self.seeds.append(file.read())

    def next(self) -> bytes:
        chance = self.random
        text = bytearray(chance.choice(self.seeds))
        for _ in range(chance.randrange(0, 6)):
            at = chance.randrange(len(text) + 1)
            how = chance.randrange(6)
            if how == 0 and text:
                text[at % len(text)] ^= 1 << chance.randrange(8)
            elif how == 1:
                text[at:at] = chance.choice(TOKENS)
            elif how == 2:
                del text[at:at + chance.randrange(1, 9)]
            elif how == 3:
                other = chance.choice(self.seeds)
                start = chance.randrange(len(other) + 1)
                text[at:at] = other[start:start + chance.randrange(64)]
            elif how == 4 and text:
                text[at:at] = text[at:at + 16] * chance.randrange(1, 40)
            else:
                text[at:at] = bytes([chance.randrange(256)])
        return bytes(text)


class Failure(Exception):
    def __init__(self, text: str, given: bytes) -> None:
        super().__init__(text)
        self.given = given


def spawned(words: List[bytes], given: bytes, env: Optional[Dict[bytes, bytes]] = None, pass_fds=()) -> None:
    """A process of its own for the input, which has to end by itself."""
    environment = {b"PATH": b"/usr/bin:/bin", **(env or {})}
    try:
        result = run(*words, seconds=LIMIT, env=environment, pass_fds=pass_fds, cwd="/tmp")
    except Failed as failure:
        raise Failure(str(failure), given) from None
    if result.code < 0:
        raise Failure(f"{words[0]!r} was ended by signal {-result.code}: {result.output[-800:]}", given)


def without_zeros(text: bytes) -> bytes:
    return text.replace(b"\0", b"")


def configuration(binaries: str, directory: str, mutator: Mutator) -> Callable[[], None]:
    path = os.path.join(directory, "m.cfg")

    def once() -> None:
        given = mutator.next()
        with open(path, "wb") as file:
            file.write(given)
        spawned([os.fsencode(os.path.join(binaries, "masterd")), b"--check", b"-c", os.fsencode(path)], given)
    return once


def commandline(binaries: str, directory: str, mutator: Mutator) -> Callable[[], None]:
    # The last of these words decides: nothing is started, whatever stands before it.
    ends = [("echod", [b"--check"]), ("echod", [b"--print-service=systemd"]), ("masterd", [b"--check"]),
            ("start_server", [b"--version"]), ("daemonctl", [b"--help"])]

    def once() -> None:
        given = mutator.next()
        words = [without_zeros(word) for word in given.split(b"\n")]
        name, end = mutator.random.choice(ends)
        if name == "start_server":
            words = [word for word in words if word.startswith(b"-")]
        spawned([os.fsencode(os.path.join(binaries, name)), *end, *words[:20], *end], given,
                {b"DAEMONKIT_CONFIG": os.fsencode(directory)})
    return once


def environment(binaries: str, directory: str, mutator: Mutator) -> Callable[[], None]:
    starts = [("echod", [b"--check", b"-b", b"127.0.0.1:0"]), ("masterd", [b"--check", b"-c", b"/dev/null"]),
              ("start_server", [b"--version"]), ("daemonctl", [b"status"])]

    def once() -> None:
        given = mutator.next()
        entries = [entry.split(b"=", 1) for entry in without_zeros(given).split(b"\n") if b"=" in entry]
        name, words = mutator.random.choice(starts)
        spawned([os.fsencode(os.path.join(binaries, name)), *words], given,
                {**{entry[0]: entry[1] for entry in entries if entry[0]}, b"DAEMONKIT_CONFIG": os.fsencode(directory)})
    return once


def checksum(line: bytes) -> int:
    value = 0x811C9DC5
    for byte in line:
        value = ((value ^ byte) * 0x01000193) & 0xFFFFFFFF
    return value


def state(binaries: str, directory: str, mutator: Mutator) -> Callable[[], None]:
    """In proof mode: the executable is asked whether it understands, and ends."""
    import fcntl
    config = os.path.join(directory, "m.cfg")
    with open(config, "w", encoding="ascii") as file:
        file.write("program p\n command true\n")

    def once() -> None:
        given = mutator.next()
        is_whole = mutator.random.random() < 0.8
        lines = [b"%s ~%d\n" % (line, checksum(line)) if is_whole else line + b"\n" for line in given.split(b"\n")]
        memory = os.memfd_create("daemonkit-state", os.MFD_ALLOW_SEALING)
        reading, writing = os.pipe()
        try:
            os.write(memory, b"".join(lines))
            fcntl.fcntl(memory, 1033, 0xF)      # F_ADD_SEALS: as a master leaves it
            spawned([os.fsencode(os.path.join(binaries, "masterd")), b"-f", b"--check", b"-c", os.fsencode(config)],
                    given, {b"DAEMONKIT_STATE": b"%d" % memory, b"DAEMONKIT_PROOF": b"%d" % writing},
                    (memory, writing))
        finally:
            for descriptor in (memory, reading, writing):
                os.close(descriptor)
    return once


def accepts(path: str) -> bool:
    try:
        connect(path, LIMIT).close()
        return True
    except OSError:
        return False


class Master:
    """A masterd that has to answer, whatever is said to it."""

    def __init__(self, binaries: str, directory: str, *lines: str, kind: str = "program") -> None:
        self.socket = os.path.join(directory, "control")
        config = os.path.join(directory, "m.cfg")
        text = [f"global\n control-socket {self.socket}\n control-socket {self.socket}-user mode 600 level operator\n",
                f"{kind} p\n restart always backoff 50ms 200ms\n critical no\n",
                *(f" {line}\n" for line in lines)]
        with open(config, "w", encoding="ascii") as file:
            file.write("".join(text))
        self.child = subprocess.Popen(
            [os.path.join(binaries, "masterd"), "-f", "-c", config, f"--pid-file={directory}/pid",
             f"--log-file={directory}/log"],
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True)
        # The file of a socket is there before it listens.
        eventually(lambda: self.child.poll() is not None or all(
            map(accepts, (self.socket, f"{self.socket}-user"))), LIMIT)

    def say(self, given: bytes, path: str) -> None:
        with connect(path, LIMIT) as sock:
            sock.setblocking(False)
            try:
                sock.send(given)
                sock.recv(65536)
            except (BlockingIOError, ConnectionError):
                pass

    def answers(self, given: bytes) -> None:
        if self.child.poll() is not None:
            raise Failure(f"masterd ended with {self.child.returncode}", given)
        try:
            with connect(self.socket, LIMIT) as sock:
                sock.sendall(b"show version\n")
                if not sock.recv(100):
                    raise Failure("masterd answers nothing", given)
        except OSError as error:
            raise Failure(f"masterd does not answer: {error}", given) from None

    def stop(self) -> None:
        end(self.child, LIMIT)


def control(binaries: str, directory: str, mutator: Mutator) -> Callable[[], None]:
    master = Master(binaries, directory, "command sleep 1000", "readiness none")
    last: List[bytes] = []

    def once() -> None:
        given = mutator.next()
        last.append(given)
        # At the level that can start no thousand processes.
        master.say(given, f"{master.socket}-user")
        if len(last) >= 100:
            master.answers(b"\n----\n".join(last))
            last.clear()
    once.close = master.stop        # type: ignore[attr-defined]
    return once


def from_child(target: str) -> Callable[[str, str, Mutator], Callable[[], None]]:
    """A child says it: over its notification socket, or its channel. Here it is only asked whether the master lives."""
    def make(binaries: str, directory: str, mutator: Mutator) -> Callable[[], None]:
        count = os.path.join(directory, "count")
        words = f'"{sys.executable}" "{os.path.abspath(__file__)}" child-{target} "{count}"'
        more = ["channel yes"] if target == "channel" else []
        master = Master(binaries, directory, f"command {words}", "readiness none", *more, kind="worker")

        def once() -> None:
            # The child talks.
            meanwhile(0.2)
            master.answers(b"(chosen by the child)")
        once.close = master.stop                        # type: ignore[attr-defined]
        once.count = lambda: os.path.getsize(count)     # type: ignore[attr-defined]
        return once
    return make


def child(target: str, count: str) -> None:
    mutator = Mutator(target)
    if target == "notify":
        name = os.environ["NOTIFY_SOCKET"]
        sock = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        sock.connect("\0" + name[1:] if name[0] == "@" else name)
    else:
        number = int(os.environ["DAEMONKIT_WORKER"].split()[1])
        sock = socket.socket(fileno=number)
        sock.setblocking(True)
    with open(count, "ab", buffering=0) as file:
        for _ in range(2000):
            given = mutator.next()
            if target == "notify" and (b"MAINPID" in given or b"STOPPING" in given) and mutator.random.random() < 0.99:
                continue
            # A byte for each input: the file's size is their number.
            file.write(b".")
            try:
                sock.send(given[:4000])
            except OSError:
                return


TARGETS = {"configuration": configuration, "commandline": commandline, "environment": environment, "state": state,
           "control": control, "notify": from_child("notify"), "channel": from_child("channel")}


def main() -> int:
    if sys.argv[1].startswith("child-"):
        child(sys.argv[1][len("child-"):], sys.argv[2])
        return 0
    target, seconds, binaries, keep = sys.argv[1], float(sys.argv[2]), os.path.abspath(sys.argv[3]), sys.argv[4]
    count, deadline = 0, time.monotonic() + seconds
    with tempfile.TemporaryDirectory(prefix="fuzz-") as directory:
        once = TARGETS[target](binaries, directory, Mutator(target))
        try:
            while time.monotonic() < deadline:
                once()
                count += 1
            if hasattr(once, "count"):
                count = once.count()
        except Failure as failure:
            path = os.path.join(keep, f"executables-{target}-{os.getpid()}")
            with open(path, "wb") as file:
                file.write(failure.given)
            print(f"{failure}; the input is {path}")
            return 1
        finally:
            if hasattr(once, "close"):
                once.close()
    print(count)
    return 0


if __name__ == "__main__":
    sys.exit(main())
