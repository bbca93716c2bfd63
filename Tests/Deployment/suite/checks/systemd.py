"""systemd's own tools judge the units, and hand sockets to a real echod."""

from __future__ import annotations

import os
import re
import socket
import subprocess
from typing import Callable, List, Optional, Tuple

from harness.checks import expect_equal, expect_in, needs, read
from harness.commands import Result, run
from harness.processes import wait_for
from ..case import Case, listed
from ..printed import service_file

VARIANTS: List[Tuple[str, ...]] = [
    (), ("--port=8080",), ("--bind=unix:/run/echod/echo.sock",), ("--bind=::1", "--port=80"), ("--log-file=-",),
    ("--chroot=/srv/echo", "--chdir=/a b"), ("--user=web", "--group=www", "--log-file=/srv/log/echod.log"),
]
MAX_EXPOSURE = 3.0


def analyze(*arguments: str) -> Result:
    """As root it would leave a time stamp in /run/systemd."""
    command = [needs("systemd-analyze"), *arguments]
    if os.geteuid() == 0:
        command = ["unshare", "--mount", "sh", "-c", 'mount -t tmpfs none /run && exec "$@"', "sh", *command]
    return run(*command)


def verify(options: Tuple[str, ...]) -> Callable[[Case], None]:
    def body(case: Case) -> None:
        result = analyze("verify", *write_units(case, options))
        expect_equal("systemd-analyze verify", (result.code, result.output), (0, ""))
    return body


def write_units(case: Case, options: Tuple[str, ...]) -> List[str]:
    """The unit with the path of an echod that is there, because verify looks for it."""
    service = service_file(case.echod, "systemd", *options).replace("=/usr/sbin/echod", f"={case.echod}")
    return [case.write("echod.service", service),
            case.write("echod.socket", service_file(case.echod, "systemd-socket", *options))]


def renamed(case: Case) -> None:
    """One word makes them another daemon's."""
    os.symlink(case.echod, case.path("greeterd"))
    for kind, name in (("systemd", "greeterd.service"), ("systemd-socket", "greeterd.socket")):
        text = service_file(case.echod, kind).replace("echod", "greeterd")
        case.write(name, text.replace("=/usr/sbin/greeterd", f"={case.path('greeterd')}"))
    result = analyze("verify", case.path("greeterd.service"), case.path("greeterd.socket"))
    expect_equal("systemd-analyze verify", (result.code, result.output), (0, ""))


def exposure(options: Tuple[str, ...]) -> Callable[[Case], str]:
    def body(case: Case) -> str:
        result = analyze("security", "--offline=true", "--no-pager", write_units(case, options)[0])
        found = re.search(r"exposure level for echod\.service: ([0-9.]+)", result.output)
        assert found, result.output
        assert float(found.group(1)) <= MAX_EXPOSURE, f"exposure {found.group(1)}"
        return f"exposure {found.group(1)}"
    return body


def relaxed(unit: str, programs: Callable[[Case], Tuple[str, str]]) -> Callable[[Case], None]:
    """The unit with its children.conf, which takes back what the unit forbids its children, and nothing else."""
    def body(case: Case) -> None:
        text, more = read(case.etc("systemd", unit)), read(case.etc("systemd", f"{unit}.d/children.conf"))
        for line in more.splitlines():
            if line and line[0] not in "#[":
                expect_in(f"\n{line.split('=')[0]}=", text)
        old, new = programs(case)
        os.mkdir(case.path(f"{unit}.d"))
        case.write(f"{unit}.d/children.conf", more)
        result = analyze("verify", case.write(unit, text.replace(f"={old}", f"={new}")))
        expect_equal("systemd-analyze verify", (result.code, result.output), (0, ""))
    return body


# systemd-socket-activate waits for the first client, then becomes echod with the sockets.

def activated(case: Case, *addresses: str, options: Tuple[str, ...] = ()) -> Optional[subprocess.Popen]:
    """The process that will be echod; None when an address is taken."""
    tool = needs("systemd-socket-activate")
    listen = [f"--listen={address}" for address in addresses]
    process = case.start(tool, *listen, *options, *case.foreground("--bind=192.0.2.1"))
    wait_for("systemd-socket-activate listens", lambda: process.poll() is not None
             or read(case.path("output")).count("Listening on") >= len(addresses))
    if process.poll() is None:
        return process
    assert "in use" in read(case.path("output")), read(case.path("output"))
    return None


def activated_at_free_port(case: Case, kind: int, *options: str) -> Tuple[int, int]:
    """Port and pid. The tool takes no port 0, so a port that was free a moment ago must do, or another one."""
    for _ in range(10):
        with socket.socket(socket.AF_INET, kind) as finder:
            finder.bind(("127.0.0.1", 0))
            port: int = finder.getsockname()[1]
        process = activated(case, f"127.0.0.1:{port}", options=options)
        if process:
            return port, process.pid
    raise AssertionError("no free port in ten attempts")


def activated_tcp(case: Case) -> None:
    port, pid = activated_at_free_port(case, socket.SOCK_STREAM, "--fdname=echo")
    expect_equal("bytes back", echo(socket.create_connection(("127.0.0.1", port), 10)), b"over a stream")
    expect_in(f"listening on 127.0.0.1:{port} (LISTEN_FDS)", case.log())
    expect_equal("pid file", read(case.path("pid")), f"{pid}\n")


def activated_twice(case: Case) -> None:
    paths = [case.path("one.sock"), case.path("two.sock")]
    activated(case, *paths, options=("--fdname=one:two",))
    for path in paths:
        client = socket.socket(socket.AF_UNIX)
        client.settimeout(10)
        client.connect(path)
        expect_equal(f"bytes back over {path}", echo(client), b"over a stream")
        expect_in(f"listening on {path} (LISTEN_FDS)", case.log())


def activated_udp(case: Case) -> None:
    port, _ = activated_at_free_port(case, socket.SOCK_DGRAM, "--datagram")
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
        client.settimeout(10)
        client.connect(("127.0.0.1", port))
        client.send(b"over udp")
        expect_equal("bytes back", client.recv(100), b"over udp")


def activated_socket_outlives(case: Case) -> None:
    """The manager's socket file is not the daemon's to remove."""
    path = case.path("echo.sock")
    process = activated(case, path)
    assert process
    client = socket.socket(socket.AF_UNIX)
    client.settimeout(10)
    client.connect(path)
    expect_equal("bytes back", echo(client), b"over a stream")
    process.terminate()
    expect_equal("exit code", process.wait(timeout=10), 0)
    assert os.path.exists(path), "the socket file is gone"


def refuses_a_wrong_kind(case: Case) -> None:
    """A socket that the daemon cannot serve is named, instead of served by chance."""
    tool = needs("systemd-socket-activate")
    path = case.path("seq.sock")
    process = case.start(tool, "--seqpacket", f"--listen={path}", *case.foreground())
    wait_for("systemd-socket-activate listens", lambda: "Listening on" in read(case.path("output")))
    with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as client:
        client.connect(path)
        expect_equal("exit code", process.wait(timeout=10), 1)
    expect_in("LISTEN_FDS: descriptor 3", read(case.path("output")))


def echo(client: socket.socket) -> bytes:
    with client:
        client.sendall(b"over a stream")
        client.shutdown(socket.SHUT_WR)
        return b"".join(iter(lambda: client.recv(4096), b""))


def named(options: Tuple[str, ...]) -> str:
    return f" with {' '.join(options)}" if options else ""


CHECKS = [listed("systemd-analyze verify" + named(options), verify(options)) for options in VARIANTS] + [
    listed("systemd-analyze verify of the units under another name", renamed)] + [
    listed(f"systemd-analyze security is at most {MAX_EXPOSURE}" + named(options), exposure(options))
    for options in VARIANTS] + [
    listed("systemd-socket-activate: a client gets its bytes back over TCP", activated_tcp),
    listed("systemd-socket-activate: over two Unix sockets with names", activated_twice),
    listed("systemd-socket-activate: over UDP", activated_udp),
    listed("systemd-socket-activate: the socket file outlives the daemon", activated_socket_outlives),
    listed("systemd-socket-activate: a socket of a wrong kind is refused", refuses_a_wrong_kind),
]
