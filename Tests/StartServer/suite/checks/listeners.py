"""Section 1 and 2: --port and --path, and the sockets and keys that the worker gets for them."""

import os
import socket
import stat

from harness.checks import check, expect, read
from harness.clients import ask, connect
from harness.ports import free_port
from ..case import Case
from ..clients import ask_datagram


def started(case: Case, *options: str, **arguments):
    daemon = case.start(*options, **arguments)
    return daemon, case.generation(1, daemon)


@check("a bare port binds 0.0.0.0, its key is the number")
def bare_port(case: Case) -> None:
    port = free_port()
    _, worker = started(case, f"--port={port}")
    sock = worker.socket(str(port))
    expect(sock["name"] == ["0.0.0.0", port] and sock["type"] == "SOCK_STREAM", f"{sock}")
    expect(case.ask(worker)[1] == worker.pid, "somebody else answers")


@check("port 0 is a free port, its key stays 0")
def port_zero(case: Case) -> None:
    _, worker = started(case, "--port=0")
    expect([key for key, _ in worker.sockets] == ["0"], f"{worker.sockets}")
    expect(worker.socket()["name"][1] > 0, f"{worker.socket()}")
    case.ask(worker)


@check("u before the port makes it UDP, and is dropped from the key")
def datagram(case: Case) -> None:
    port = free_port(socket.SOCK_DGRAM)
    _, worker = started(case, f"--port=u{port}", "--port=127.0.0.1:u0")
    expect([key for key, _ in worker.sockets] == [str(port), "127.0.0.1:0"], f"{worker.sockets}")
    for key in (str(port), "127.0.0.1:0"):
        expect(worker.socket(key)["type"] == "SOCK_DGRAM", f"{worker.socket(key)}")
        expect(ask_datagram(worker.address(key))[1] == worker.pid, "somebody else answers")


@check("u before an address makes it UDP too", known="it takes u for the host's first letter")
def datagram_host(case: Case) -> None:
    _, worker = started(case, "--port=u127.0.0.1:0")
    expect([key for key, _ in worker.sockets] == ["127.0.0.1:0"], f"{worker.sockets}")
    expect(worker.socket()["type"] == "SOCK_DGRAM", f"{worker.socket()}")


@check("a host's name may begin with u")
def letter_of_host(case: Case) -> None:
    outcome = case.refused("--port=unknown-host.invalid:0", code=255)
    expect("unknown-host.invalid" in outcome.err, f"{outcome}")


@check("a host is an address or a name, its key is as written")
def hosts(case: Case) -> None:
    _, worker = started(case, "--port=127.0.0.2:0", "--port=localhost:0", "--port=[127.0.0.3]:0")
    names = {key: worker.socket(key)["name"][0] for key, _ in worker.sockets}
    expect(names == {"127.0.0.2:0": "127.0.0.2", "localhost:0": "127.0.0.1", "127.0.0.3:0": "127.0.0.3"}, f"{names}")


@check("an IPv6 address is IPv6 only; its key has brackets, written or not")
def version_six(case: Case) -> None:
    port = free_port()
    _, worker = started(case, f"--port=[::1]:{port}", "--port=::1:0", f"--port={port}", "--port=[::]:0")
    keys = [key for key, _ in worker.sockets]
    expect(keys == [f"[::1]:{port}", "[::1]:0", str(port), "[::]:0"], f"{keys}")
    for key in (f"[::1]:{port}", "[::1]:0", "[::]:0"):
        sock = worker.socket(key)
        expect(sock["family"] == "AF_INET6" and sock["v6only"] == 1, f"{key} is {sock}")
    expect(case.ask(worker, "[::1]:0")[1] == worker.pid, "somebody else answers")


@check("blanks around a port do no harm")
def blanks(case: Case) -> None:
    _, worker = started(case, "--port= 0 ", "--port= 0 =9", "--port= localhost:0 ")
    expect([key.strip() for key, _ in worker.sockets] == ["0", "0", "localhost:0"], f"{worker.sockets}")
    expect(worker.sockets[1][1] == 9, f"{worker.sockets}")


@check("ports come first, then paths, each in the order of the options")
def order(case: Case) -> None:
    options = ["--path=b", "--port=127.0.0.1:0", "--path=a", "--port=0", "--port=[::1]:0"]
    _, worker = started(case, *options)
    expect([key for key, _ in worker.sockets] == ["127.0.0.1:0", "0", "[::1]:0", "b", "a"], f"{worker.sockets}")
    for key, _ in worker.sockets:
        expect(case.ask(worker, key)[1] == worker.pid, f"somebody else answers on {key}")


@check("--path=unix:@NAME is a socket without a file, over reloads; --path=@NAME is a file", ours=True)
def abstract(case: Case) -> None:
    name = f"start-server-{os.getpid()}-{os.path.basename(case.path())}"
    daemon, worker = started(case, f"--path=unix:@{name}", "--path=@file", *case.files)
    expect([key for key, _ in worker.sockets] == [f"unix:@{name}", "@file"], f"{worker.sockets}")
    expect(ask("\0" + name)[0] == 1, "it does not answer")
    daemon.reload()
    case.generation(2, daemon)
    daemon.line("old worker .* died, status:.*")
    expect(ask("\0" + name)[0] == 2, "the second one does not answer")
    again = case.refused(f"--path=unix:@{name}", code=98)
    expect(f"unix:@{name}" in again.err, f"{again.err!r}")
    found = [file for file in os.listdir(case.path()) if name in file or file.startswith("unix:")]
    expect(not found and os.path.exists(case.path("@file")), f"{os.listdir(case.path())}")
    daemon.stop()
    expect(not os.path.exists(case.path("@file")), "the file is left")


@check("=FD moves the socket to that number, and says so")
def numbered(case: Case) -> None:
    daemon, worker = started(case, "--port=0=7", "--port=127.0.0.1:0=12", "--port=u0=9", "--port=[::1]:0=30")
    expect([number for _, number in worker.sockets] == [7, 12, 9, 30], f"{worker.sockets}")
    expect([key for key, _ in worker.sockets] == ["0", "127.0.0.1:0", "0", "[::1]:0"], f"{worker.sockets}")
    daemon.in_order(*(f"socket is duplicated to file descriptor {number}" for number in (7, 12, 9, 30)))
    extra = {int(each) for each in worker["descriptors"]} - {0, 1, 2, 7, 12, 9, 30}
    expect(not extra, f"besides, the worker has {extra}")
    expect(case.ask(worker, "127.0.0.1:0")[1] == worker.pid, "somebody else answers")


@check("=0 makes the socket the worker's standard input, over a reload too")
def standard_input(case: Case) -> None:
    daemon, worker = started(case, "--port=0=0", *case.files)
    expect(worker.sockets == [("0", 0)], f"{worker.sockets}")
    expect(case.ask(worker) == (1, worker.pid), "somebody else answers")
    daemon.reload()
    case.generation(2, daemon)
    case.answered(worker, 2)


@check("=FD with the number that the socket already has is fine", known="it closes the listener")
def same_number(case: Case) -> None:
    for number in range(3, 11):
        daemon = case.start(f"--port=0={number}", worker=[f"run={number}"])
        worker = daemon.wait(lambda: next((w for w in case.workers() if w["argv"] == [f"run={number}"]), None), "one")
        expect(worker.sockets == [("0", number)], f"{worker.sockets}")
        expect(case.ask(worker)[1] == worker.pid, f"nobody answers on descriptor {number}")
        daemon.stop()


@check("=FD may be a number that another socket had for a moment", known="it closes the listener")
def crossed_numbers(case: Case) -> None:
    _, worker = started(case, "--port=127.0.0.1:0=4", "--port=127.0.0.2:0=3", "--port=127.0.0.3:0", "--path=socket")
    numbers = [number for _, number in worker.sockets]
    expect(numbers[:2] == [4, 3] and len(set(numbers)) == 4, f"{worker.sockets}")
    for key, _ in worker.sockets:
        expect(case.ask(worker, key)[1] == worker.pid, f"nobody answers on {key}")
        name = worker.socket(key)["name"]
        expect(name == "socket" or name[0] == key.split(":")[0], f"{key} is {name}")


@check("sockets are blocking, TCP with SO_REUSEADDR")
def socket_options(case: Case) -> None:
    _, worker = started(case, "--port=0", "--port=127.0.0.1:u0", "--port=[::1]:0", "--path=socket")
    for key, _ in worker.sockets:
        expect(worker.socket(key)["blocking"], f"{key} is not blocking")
    for key in ("0", "[::1]:0"):
        expect(worker.socket(key)["reuseaddr"] == 1, f"{key} is without SO_REUSEADDR")


@check("UDP has SO_REUSEADDR too")
def datagram_options(case: Case) -> None:
    _, worker = started(case, "--port=127.0.0.1:u0")
    expect(worker.socket()["reuseaddr"] == 1, "it is without")


@check("the backlog is SOMAXCONN, or --backlog")
def backlog(case: Case) -> None:
    limit = int(read("/proc/sys/net/core/somaxconn"))
    daemon, worker = started(case, "--port=0")
    expect(worker.socket()["backlog"] == min(limit, socket.SOMAXCONN), f"{worker.socket()}, limit {limit}")
    daemon.stop()
    case.start("--port=0", "--backlog=5", worker=["second"])
    second = case.running[-1].wait(lambda: [w for w in case.workers() if w["argv"] == ["second"]], "a worker")[0]
    expect(second.socket()["backlog"] == 5, f"{second.socket()}")


@check("a path is a stream socket of mode 0777, whatever the umask")
def path_mode(case: Case) -> None:
    daemon = case.start(f"--path={case.socket}", umask=0o077)
    worker = case.generation(1, daemon)
    expect(worker.sockets[0][0] == case.socket, f"{worker.sockets}")
    mode = os.stat(case.socket)
    expect(stat.S_ISSOCK(mode.st_mode) and stat.S_IMODE(mode.st_mode) == 0o777, f"mode {mode.st_mode:o}")
    expect(worker["umask"] == 0o077, f"the worker's umask is {worker['umask']:o}")
    expect(case.ask(worker)[1] == worker.pid, "somebody else answers")


@check("a relative path lies in the directory of the start, its key as written")
def relative_path(case: Case) -> None:
    os.mkdir(case.path("below"))
    daemon, worker = started(case, "--path=./socket", "--dir=below")
    expect(worker.sockets[0][0] == "./socket", f"{worker.sockets}")
    connect(case.socket).close()
    daemon.stop()
    expect(not os.path.exists(case.socket), "it is not removed at the end")


@check("a stale socket is removed, with a warning")
def stale_path(case: Case) -> None:
    with socket.socket(socket.AF_UNIX) as sock:
        sock.bind(case.socket)
        sock.listen()
    daemon, worker = started(case, f"--path={case.socket}")
    daemon.line(f"removing existing socket file:{case.socket}.*")
    expect(case.ask(worker)[1] == worker.pid, "somebody else answers")


@check("a path that is too long is refused, and nothing is left", known="it cuts the path off")
def long_path(case: Case) -> None:
    before = set(os.listdir(case.directory))
    outcome = case.refused(f"--path={case.path('x' * 120)}", seconds=2)
    expect("x" * 120 in outcome.err, f"the reason does not name it: {outcome}")
    made = {name for name in set(os.listdir(case.directory)) - before if name.startswith("x")}
    expect(not made, f"it made {made}")


@check("a ; in a path is refused", known="it garbles SERVER_STARTER_PORT")
def semicolon(case: Case) -> None:
    expect("a;b" in case.refused("--path=a;b", seconds=2).err, f"the reason does not name it: {case.outcomes[-1]}")
    expect(not os.path.exists(case.path("a;b")), "it is left")
