"""Section 2: what the worker gets besides its sockets."""

import os
import re
import sys

from harness.checks import check, expect
from harness.processes import eventually
from ..case import Case

MASKS = "grep -E '^Sig(Ign|Blk)' /proc/self/status > masks.new; mv masks.new masks; exec sleep 1000"


@check("SERVER_STARTER_PORT is there but empty when nothing was asked for")
def no_ports(case: Case) -> None:
    worker = case.generation(1, case.start())
    expect(worker.environment.get("SERVER_STARTER_PORT") == "", f"{worker.environment}")


@check("SERVER_STARTER_PORT joins key=fd with ;")
def ports(case: Case) -> None:
    worker = case.generation(1, case.start("--port=0=8", "--port=localhost:0", "--path=a"))
    text = worker.environment["SERVER_STARTER_PORT"]
    expect(re.fullmatch(r"0=8;localhost:0=\d+;a=\d+", text), text)


@check("SERVER_STARTER_GENERATION counts every attempt, failed ones too", slow=True)
def generations(case: Case) -> None:
    daemon = case.start("--port=0", interval="1", worker=["when=1,2", "die=1"])
    third = case.generation(3, daemon)
    expect([each.generation for each in case.workers()] == [1, 2, 3], f"{case.workers()}")
    daemon.line(r"new worker \d+ seems to have failed to start, exit status:256", 2)
    daemon.wait(lambda: third.is_alive, "the third worker")


@check("a generation of the superdaemon's own caller is not carried on")
def strange_generation(case: Case) -> None:
    strange = {"SERVER_STARTER_GENERATION": "41", "SERVER_STARTER_PORT": "1=99"}
    worker = case.generation(1, case.start(env=strange))
    expect(worker.environment["SERVER_STARTER_PORT"] == "", f"{worker.environment}")


@check("SERVER_STARTER_UDP names the datagram sockets", ours=True)
def datagrams(case: Case) -> None:
    worker = case.generation(1, case.start("--port=0", "--port=u0", "--port=127.0.0.1:u0=9", "--path=a"))
    named = {int(number) for number in re.findall(r"\d+", worker.environment.get("SERVER_STARTER_UDP", ""))}
    meant = {number for key, number in worker.sockets if worker["details"][str(number)]["type"] == "SOCK_DGRAM"}
    expect(named == meant and len(meant) == 2, f"{worker.environment.get('SERVER_STARTER_UDP')!r}, not {meant}")


@check("LISTEN_FDS, LISTEN_PID and LISTEN_FDNAMES serve systemd's readers", ours=True)
def systemd(case: Case) -> None:
    daemon = case.start("--port=0", "--port=127.0.0.1:0", "--path=a")
    for generation in (1, 2):
        worker = case.generation(generation, daemon)
        expect(sorted(number for _, number in worker.sockets) == [3, 4, 5], f"{worker.sockets}")
        given = {name: worker.environment.get(name) for name in ("LISTEN_FDS", "LISTEN_PID", "LISTEN_FDNAMES")}
        expect(given["LISTEN_FDS"] == "3" and given["LISTEN_PID"] == str(worker.pid), f"{given} for {worker}")
        expect(len((given["LISTEN_FDNAMES"] or "").split(":")) == 3, f"{given}")
        if generation == 1:
            daemon.reload()


@check("LISTEN_FDS is absent when the sockets do not lie from 3 on in a row", ours=True)
def no_row(case: Case) -> None:
    worker = case.generation(1, case.start("--port=0=9", env={"LISTEN_FDS": "7", "LISTEN_PID": "1"}))
    own = worker.environment.get("LISTEN_PID") == str(worker.pid)
    expect(not own, f"LISTEN_PID and LISTEN_FDS={worker.environment.get('LISTEN_FDS')}, but the socket is 9")


@check("EINHORN_FD_COUNT and EINHORN_FD_n serve einhorn's readers", ours=True)
def einhorn(case: Case) -> None:
    worker = case.generation(1, case.start("--port=0", "--port=127.0.0.1:0=9", "--path=a"))
    count = int(worker.environment.get("EINHORN_FD_COUNT", "0"))
    numbers = [int(worker.environment.get(f"EINHORN_FD_{index}", "-1")) for index in range(count)]
    expect(numbers == [number for _, number in worker.sockets], f"{numbers}, sockets {worker.sockets}")


@check("the worker has its sockets and 0 to 2, and nothing else of the superdaemon's", slow=True)
def descriptors(case: Case) -> None:
    case.write("env/A", "1\n")
    options = ["--port=0", "--path=a", "--envdir=env", *case.files]
    daemon = case.start(*options, f"--log-file={case.log_file}", log=case.log_file)
    for generation in (1, 2, 3):
        worker = case.generation(generation, daemon)
        extra = {int(each) for each in worker["descriptors"]} - {0, 1, 2} - {number for _, number in worker.sockets}
        expect(not extra, f"besides, {worker} has {[worker['descriptors'][str(each)] for each in extra]}")
        daemon.line(r"starting new worker \d+", generation)
        daemon.reload()
    daemon.stop()
    daemon = case.start(*options, f"--log-file=|cat >{case.log_file}2", worker=["piped"])
    worker = daemon.wait(lambda: [each for each in case.workers() if each["argv"] == ["piped"]], "a worker")[0]
    extra = {int(each) for each in worker["descriptors"]} - {0, 1, 2} - {number for _, number in worker.sockets}
    expect(not extra, f"besides, {worker} has {[worker['descriptors'][str(each)] for each in extra]}")


@check("SIGPIPE is ignored in the worker, nothing else, and nothing is blocked")
def masks(case: Case) -> None:
    daemon = case.start("--port=0", *case.files, program=["sh", "-c", MASKS])
    for _ in range(2):
        daemon.wait(lambda: os.path.exists(case.path("masks")), "the masks")
        with open(case.path("masks"), encoding="ascii") as file:
            mask = {name: int(value, 16) for name, value in (line.split(":") for line in file)}
        expect(mask["SigIgn"] == 1 << 12, f"ignored: {mask['SigIgn']:x}")
        expect(mask["SigBlk"] == 0, f"blocked: {mask['SigBlk']:x}")
        os.unlink(case.path("masks"))
        daemon.reload()


@check("the worker is the superdaemon's child, in its group and session")
def group(case: Case) -> None:
    daemon = case.start("--port=0")
    worker = case.generation(1, daemon)
    place = (worker["parent"], worker["group"], worker["session"])
    expect(place == (daemon.pid, daemon.pid, daemon.pid), f"parent, group, session {place}, not {daemon.pid}")


@check("the worker has the superdaemon's directory, umask, input, variables and its own arguments")
def inheritance(case: Case) -> None:
    path = case.write("input", "x")
    words = ["a b", "", "$HOME", "ü", "--"]
    with open(path, "rb") as file:
        daemon = case.start("--port=0", worker=words, env={"KEPT": "a b=c"}, stdin=file, umask=0o027)
    worker = case.generation(1, daemon)
    expect(worker["argv"] == words, f"{worker['argv']}")
    expect(worker["cwd"] == case.directory and worker["umask"] == 0o027, f"{worker['cwd']} {worker['umask']:o}")
    expect(worker["descriptors"]["0"] == path, f"{worker['descriptors']}")
    expect(worker.environment.get("KEPT") == "a b=c", f"{worker.environment}")


@check("--dir is the worker's directory only")
def directory(case: Case) -> None:
    os.mkdir(case.path("below"))
    daemon = case.start("--port=0", "--dir=below", "--pid-file=pid", "--status-file=status", interval="0")
    for generation in (1, 2):
        worker = case.generation(generation, daemon)
        expect(worker["cwd"] == case.path("below"), f"{worker['cwd']}")
        expect(eventually(lambda: os.path.exists(case.status_file)), "the status file is elsewhere")
        daemon.reload()
    expect(os.readlink(f"/proc/{daemon.pid}/cwd") == case.directory, "the superdaemon has moved too")
    expect(os.path.exists(case.pid_file), "the pid file is elsewhere")


@check("started with SIGHUP ignored, as by nohup, it still reloads")
def nohup(case: Case) -> None:
    daemon = case.start("--port=0", wrapper=["nohup"])
    case.generation(1, daemon)
    daemon.reload()
    case.generation(2, daemon)


@check("the worker's argument zero is the program as written")
def argument_zero(case: Case) -> None:
    name = os.path.basename(sys.executable)
    directory = os.path.dirname(sys.executable)
    daemon = case.start(program=[name, *case.worker()[1:]], env={"PATH": f"{directory}:{os.environ['PATH']}"})
    worker = case.generation(1, daemon)
    with open(f"/proc/{worker.pid}/cmdline", "rb") as file:
        first = file.read().split(b"\0")[0].decode()
    expect(first == name, f"{first}")
