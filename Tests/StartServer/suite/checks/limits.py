"""Our other options: stop time-out, bounded old generations, back-off, user and group, reuseport, control socket."""

import grp
import os
import pwd
import socket
import stat
import time

from harness.checks import Unavailable, check, expect, read
from harness.clients import connect
from harness.ports import free_port
from harness.processes import eventually, kill
from ..case import Case


@check("--stop-timeout kills an old worker that ignores the signal after HUP", ours=True)
def old_worker(case: Case) -> None:
    daemon = case.serving("--port=0", "--stop-timeout=1", *case.files, worker=["when=1", "ignore=TERM"])
    first = case.generation(1)
    daemon.reload()
    begin = time.monotonic()
    daemon.line(f"old worker {first.pid} died, status:9")
    expect(0.7 < time.monotonic() - begin < 3, f"after {time.monotonic() - begin:.2f} s")
    case.answered(case.generation(2), 2)
    expect(eventually(lambda: read(case.status_file) == f"2:{case.generation(2).pid}\n"), read(case.status_file))


@check("--stop-timeout leaves a worker alone that ends in time", ours=True)
def in_time(case: Case) -> None:
    daemon = case.serving("--port=0", "--stop-timeout=5", worker=["drain=1"])
    daemon.stop()
    daemon.line(r"worker \d+ died, status:0")


@check("--stop-timeout gives each worker a group of its own, and its kill reaches the whole group", ours=True)
def whole_group(case: Case) -> None:
    script = "trap '' TERM; sleep 1000 & echo $$ $(ps -o pgid= -p $$) >group; while :; do sleep 0.2; done"
    daemon = case.start("--port=0", "--stop-timeout=1", program=["sh", "-c", script])
    daemon.wait(lambda: len(read(case.path("group")).split()) == 2, "the worker's group")
    pid, group = read(case.path("group")).split()
    expect(pid == group, f"worker {pid} is in group {group}")
    daemon.stop()
    expect(eventually(lambda: not case.living(), 2), "a grandchild is left")


@check("--max-old-generations bounds the workers that drain", ours=True, slow=True)
def old_generations(case: Case) -> None:
    daemon = case.serving("--port=0", "--max-old-generations=2", "--stop-timeout=30", *case.files,
                          worker=["when=1,2,3,4,5", "ignore=TERM"])
    for generation in range(1, 6):
        case.generation(generation, daemon)
        daemon.reload()
    last = case.generation(6, daemon)
    case.answered(last, 6)
    bounded = eventually(lambda: sum(each.is_alive for each in case.workers()) <= 3)
    expect(bounded, f"{sum(each.is_alive for each in case.workers())} workers live")
    living = [each for each in case.workers() if each.is_alive]
    expect([each.generation for each in living] == [4, 5, 6], f"these live: {living}")
    for stubborn in living[:2]:
        kill(stubborn.pid)


@check("--backoff=BASE,MAX: the pauses between failing starts grow from BASE to MAX", ours=True, slow=True)
def backoff(case: Case) -> None:
    daemon = case.start("--port=0", "--backoff=0.2,0.8", worker=["die=1"])
    case.generation(5, daemon)
    daemon.line(r"starting new worker \d+", 5)
    begun = [each["time"] for each in case.workers()]
    gaps = [later - earlier for earlier, later in zip(begun, begun[1:])]
    case.note("pauses " + ", ".join(f"{gap:.2f}" for gap in gaps[:4]) + " s")
    expect(0.15 < gaps[0] < 0.5 and gaps[1] > 0.3 and 0.6 < gaps[2] < 1.3 and 0.6 < gaps[3] < 1.3, f"{gaps}")


@check("--backoff: HUP ends the pause, TERM too", ours=True)
def backoff_signals(case: Case) -> None:
    daemon = case.start("--port=0", "--backoff=20,20", program=["false"])
    daemon.line(r"starting new worker \d+")
    daemon.line(r"worker \d+ died unexpectedly .*")
    begin = time.monotonic()
    daemon.stop()
    expect(time.monotonic() - begin < 1, f"the stop took {time.monotonic() - begin:.2f} s")


@check("--user and --group are the worker's, and it still gets a low port", ours=True)
def user(case: Case) -> None:
    if os.getuid() != 0:
        raise Unavailable("needs root")
    try:
        nobody = pwd.getpwnam("nobody")
        group = grp.getgrgid(nobody.pw_gid).gr_name
    except KeyError:
        raise Unavailable("needs the user nobody") from None
    script = "echo $(id -u) $(id -g) $(id -G) >>records/ids; exec sleep 1000"
    daemon = case.start(f"--port=127.0.0.1:{low_port()}", "--user=nobody", f"--group={group}", *case.files,
                        program=["sh", "-c", script])
    for count in (1, 2):
        daemon.wait(lambda: read(case.path("records", "ids")).count("\n") == count, "the worker's user")
        daemon.reload()
    meant = f"{nobody.pw_uid} {nobody.pw_gid} {nobody.pw_gid}"
    seen = read(case.path("records", "ids")).splitlines()[:2]
    expect(seen == [meant] * 2, f"user, group, groups {seen}, not {meant}")
    daemon.stop()
    case.expect_no_files()
    case.refused("--user=no-such-user")


@check("--user: the program is looked up in PATH as that user; HOME, USER and LOGNAME are that user's", ours=True)
def user_path(case: Case) -> None:
    if os.getuid() != 0:
        raise Unavailable("needs root")
    script = f"#!/bin/sh\necho $0 $HOME $USER $LOGNAME >>{case.path('records', 'said')}\nexec sleep 1000\n"
    for name, owner in (("mine", 0), ("theirs", 65534)):
        os.mkdir(case.path(name))
        path = case.write(f"{name}/tool", script, 0o700)
        for each in (path, case.path(name)):
            os.chown(each, owner, owner)
        os.chmod(case.path(name), 0o700)
    path = f"{case.path('mine')}:{case.path('theirs')}:{os.environ['PATH']}"
    daemon = case.start("--port=127.0.0.1:0", "--user=nobody", *case.files, program=["tool"],
                        env={"PATH": path, "HOME": "/root", "USER": "root", "LOGNAME": "root"})
    said = daemon.wait(lambda: read(case.path("records", "said")), "the worker's words")
    home = pwd.getpwuid(65534)
    expect(said == f"{case.path('theirs')}/tool {home.pw_dir} {home.pw_name} {home.pw_name}\n", f"{said!r}")
    daemon.stop()


def low_port() -> int:
    """A free one that only root may bind."""
    for port in range(900, 1000):
        with socket.socket() as sock:
            try:
                sock.bind(("127.0.0.1", port))
                return port
            except OSError:
                continue
    raise Unavailable("needs a free low port")


@check("--reuseport sets SO_REUSEPORT, and two superdaemons share the port", ours=True)
def reuseport(case: Case) -> None:
    port = free_port()
    for name in ("a", "b"):
        daemon = case.start(f"--port={port}", "--reuseport", worker=[f"run={name}"])
        found = daemon.wait(lambda: [w for w in case.workers() if w["argv"] == [f"run={name}"]], "a worker")
        expect(found[0].socket()["reuseport"], f"{found[0].socket()}")
    daemon = case.start("--port=0", worker=["run=c"])
    found = daemon.wait(lambda: [w for w in case.workers() if w["argv"] == ["run=c"]], "a worker")
    expect(not found[0].socket()["reuseport"], "SO_REUSEPORT without the option")


@check("--control-socket is ours alone, answers, and is removed at the end", ours=True)
def control_socket(case: Case) -> None:
    path = case.path("control")
    daemon = case.serving("--port=0", f"--control-socket={path}")
    daemon.wait(lambda: os.path.exists(path), "the control socket")
    expect(stat.S_IMODE(os.stat(path).st_mode) == 0o600, f"mode {os.stat(path).st_mode:o}")
    with connect(path) as sock:
        sock.sendall(b"show proc\n")
        answer = sock.recv(65536).decode()
    expect(str(case.generation(1).pid) in answer, f"show proc answers {answer!r}")
    descriptors = case.generation(1)["descriptors"].values()
    expect(sum(name.startswith("socket:") for name in descriptors) == 1, f"the worker has {descriptors}")
    daemon.stop()
    expect(not os.path.exists(path), "it is left")


@check("wrong values of our options are refused", ours=True)
def wrong_values(case: Case) -> None:
    for option in ("--stop-timeout=soon", "--max-old-generations=x", "--backoff=x,y", "--backoff=1"):
        outcome = case.refused(option)
        expect(option.split("=")[1] in outcome.err, f"the reason does not name it: {outcome}")
