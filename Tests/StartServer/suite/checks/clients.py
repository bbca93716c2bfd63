"""Real programs that take their sockets from Server::Starter, unchanged: Perl's modules and our own echod."""

import os
import shutil
import signal
import subprocess

from harness.checks import Unavailable, check, expect, read
from harness.clients import ask, connect, talk
from harness.ports import free_port
from harness.processes import eventually, spawn
from harness.suites import REPOSITORY
from ..case import WORKERS, Case
from ..clients import Visitor
from ..daemon import Daemon

APPLICATION = 'sub { [200, ["Content-Type" => "text/plain"], ["$ENV{SERVER_STARTER_GENERATION} $$\\n"]] }'


def needs_perl(*modules: str) -> None:
    words = ["perl", *(f"-M{module}" for module in modules), "-e1"]
    if not shutil.which("perl") or spawn(words, stderr=subprocess.DEVNULL).wait(20):
        raise Unavailable(f"needs perl with {' and '.join(modules)}")


def address_serves(daemon: Daemon, address, generation: int, request: bytes = b"") -> None:
    def answer() -> bool:
        try:
            return int(talk(address, request).split()[-2]) == generation
        except (OSError, IndexError, ValueError):
            return False
    daemon.wait(answer, f"an answer of generation {generation} on {address}", 15)


@check("server_ports() of the real Server::Starter gets every socket")
def server_ports(case: Case) -> None:
    needs_perl("Server::Starter")
    port, record = free_port(), case.path("ports")
    options = [f"--port={port}", f"--port=127.0.0.1:{port + 1}=11", f"--path={case.socket}", *case.files]
    daemon = case.start(*options, program=["perl", os.path.join(WORKERS, "client.pl"), record])
    daemon.wait(lambda: os.path.exists(record), "the worker's ports")
    ports = dict(line.rsplit("=", 1) for line in read(record).splitlines())
    expect(set(ports) == {str(port), f"127.0.0.1:{port + 1}", case.socket}, f"{ports}")
    expect(ports[f"127.0.0.1:{port + 1}"] == "11", f"{ports}")
    addresses = [("127.0.0.1", port), ("127.0.0.1", port + 1), case.socket]
    for address in addresses:
        expect(ask(address)[0] == 1, f"{address} is not served by generation 1")
    daemon.reload()
    daemon.line(r"old worker \d+ died, status:0")
    for address in addresses:
        expect(ask(address)[0] == 2, f"{address} is not served by generation 2")


@check("Perl's worker loses no request over reloads")
def perl_reloads(case: Case) -> None:
    needs_perl("Server::Starter")
    port = free_port()
    daemon = case.start(f"--port={port}", program=["perl", os.path.join(WORKERS, "client.pl"), case.path("ports")])
    address_serves(daemon, ("127.0.0.1", port), 1)
    with Visitor(("127.0.0.1", port)) as visitor:
        for generation in (2, 3, 4):
            os.unlink(case.path("ports"))
            daemon.reload()
            daemon.wait(lambda: os.path.exists(case.path("ports")), "the new worker")
            address_serves(daemon, ("127.0.0.1", port), generation)
    expect(not visitor.failures, f"{visitor.failures[:3]}")
    expect({1, 2, 3, 4} >= set(visitor.generations) and len(set(visitor.generations)) > 1, f"{visitor.generations}")


@check("a Net::Server::SS::PreFork server is reloaded, on two ports", slow=True)
def prefork(case: Case) -> None:
    needs_perl("Net::Server::SS::PreFork")
    ports = [free_port(), free_port()]
    daemon = case.start(f"--port={ports[0]}", f"--port=127.0.0.1:{ports[1]}", *case.files,
                        program=["perl", os.path.join(WORKERS, "prefork.pl")], interval="1")
    for generation in (1, 2):
        for port in ports:
            address_serves(daemon, ("127.0.0.1", port), generation)
        daemon.wait(lambda: read(case.status_file).startswith(f"{generation}:"), "the status file")
        if generation == 1:
            daemon.reload()
            daemon.line(r"old worker \d+ died, status:\d+")


@check("plackup with Starlet is reloaded, the old one ends by itself", slow=True)
def starlet(case: Case) -> None:
    needs_perl("Plack::Handler::Starlet")
    if not shutil.which("plackup"):
        raise Unavailable("needs plackup")
    port = free_port()
    request = b"GET / HTTP/1.0\r\n\r\n"
    program = ["plackup", "-s", "Starlet", "--max-workers=2", "-E", "deployment", "-e", APPLICATION]
    daemon = case.start(f"--port={port}", *case.files, interval="1", program=program)
    address_serves(daemon, ("127.0.0.1", port), 1, request)
    daemon.wait(lambda: read(case.status_file), "the status file")
    daemon.reload()
    daemon.line(r"old worker \d+ died, status:\d+")
    address_serves(daemon, ("127.0.0.1", port), 2, request)


@check("our echod serves TCP and a Unix socket, and drains at a reload", slow=True)
def echod(case: Case) -> None:
    builds = [os.path.join(REPOSITORY, ".build", kind, "echod") for kind in ("debug", "release")]
    program = next((each for each in builds if os.access(each, os.X_OK)), None)
    if not program:
        raise Unavailable("needs a build of echod")
    port = free_port()
    daemon = case.start(f"--port=127.0.0.1:{port}", f"--path={case.socket}", *case.files, interval="1",
                        program=["sh", "-c", f"exec {program} -f --pid-file=$PWD/echod.$SERVER_STARTER_GENERATION"])
    daemon.line(r"starting new worker \d+")
    for round_ in (1, 2):
        for address in (("127.0.0.1", port), case.socket):
            daemon.wait(lambda: echoes(address), f"an echo on {address}")
        daemon.wait(lambda: read(case.status_file).startswith(f"{round_}:"), "the status file")
        if round_ == 1:
            daemon.reload()
            daemon.line(r"old worker \d+ died, status:0")
    daemon.stop(signal.SIGTERM)
    expect(eventually(lambda: not case.living()), "a process is left")


def echoes(address) -> bool:
    try:
        with connect(address, 2) as sock:
            sock.sendall(b"hello\n")
            return sock.recv(100) == b"hello\n"
    except OSError:
        return False
