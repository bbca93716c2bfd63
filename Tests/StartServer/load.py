#!/usr/bin/env python3
"""The load proof: clients on loopback, a new connection per request, while start_server is reloaded again and again.

Every request has to be answered, and every generation has to have served; with --upgrades, start_server itself is
replaced in between, by USR2 and by --upgrade in turn, and keeps its pid (ours only). The last line has the figures;
the exit status is 0 exactly when nothing failed.
"""

import argparse
import multiprocessing
import os
import signal
import sys
import time
from collections import Counter
from dataclasses import replace
from typing import Dict, List, Tuple

sys.dont_write_bytecode = True
# The harness that all suites in Python share lies beside them.
sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

from start_server import OURS, subject_at                       # noqa: E402
from harness import load, suites                                # noqa: E402
from harness.checks import Failed, expect                       # noqa: E402
from harness.load import TIMEOUT, Client                        # noqa: E402
from harness.ports import free_port                             # noqa: E402
from harness.processes import eventually                        # noqa: E402
from suite.case import WORKERS, Case                            # noqa: E402
from suite.daemon import Daemon                                 # noqa: E402

REQUEST = b"GET / HTTP/1.0\r\n\r\n"


def main() -> int:
    options = parse()
    case = Case(subject_at(options.subject))
    try:
        return prove(case, options)
    except Failed as failure:
        print(f"{failure}\n{case.account()}")
        print(f"FAILED: {failure}".splitlines()[0])
        return 1
    finally:
        case.clear()


def parse() -> argparse.Namespace:
    parser = suites.parser(__doc__)
    parser.add_argument("--subject", metavar="PATH", default=OURS, help="default: %(default)s")
    parser.add_argument("--seconds", metavar="S", type=float, default=60, help="default: %(default)s")
    parser.add_argument("--hups", metavar="N", type=int, default=200, help="spread over the time; default: %(default)s")
    parser.add_argument("--upgrades", metavar="N", type=int, default=0, help="mixed in; default: none")
    parser.add_argument("--clients", metavar="N", type=int, default=4, help="processes; default: %(default)s")
    parser.add_argument("--pause", metavar="MS", type=float, default=0, help="of a client between two requests")
    parser.add_argument("--interval", metavar="S", default="0", help="of start_server; default: %(default)s")
    parser.add_argument("--notify", action="store_true", help="with --readiness=notify; ours only")
    return parser.parse_args()


def prove(case: Case, options: argparse.Namespace) -> int:
    if options.upgrades:
        install(case)
    more = ["--readiness=notify"] if options.notify else []
    worker = [sys.executable, "-I", "-S", os.path.join(WORKERS, "load_worker.py")]
    port = free_port()
    daemon = case.start(f"--port=127.0.0.1:{port}", *case.files, *more, interval=options.interval, program=worker)
    daemon.line(r"starting new worker \d+")
    expect(request(("127.0.0.1", port), "127.0.0.1") == 1, "the first generation does not answer")
    over = multiprocessing.Event()
    clients = [Client(visit, over, ("127.0.0.1", port), f"127.0.0.{10 + index}", options.pause / 1000)
               for index in range(options.clients)]
    begin = time.monotonic()
    try:
        disturb(case, daemon, options, begin)
    finally:
        over.set()
    seconds = time.monotonic() - begin
    served, failures, slowest = sums(clients)
    daemon.stop()
    case.finish()
    return conclude(daemon, options, seconds, served, failures, slowest)


def install(case: Case) -> None:
    """A copy of the executable in the case's directory, which the upgrades replace."""
    path = case.path("bin", "start_server")
    os.mkdir(os.path.dirname(path))
    case.install(case.subject.path, path)
    case.subject = replace(case.subject, path=path)


def disturb(case: Case, daemon: Daemon, options: argparse.Namespace, begin: float) -> None:
    """Sends the HUPs at even times, each after the round before has ended, and the upgrades between them."""
    rounds = upgrades = 0
    for kind in load.at_even_times(begin, options.seconds, hup=options.hups, upgrade=options.upgrades):
        if kind == "upgrade":
            upgrades += 1
            upgrade(case, daemon, by_command=upgrades % 2 == 0)
            continue
        rounds += 1
        daemon.hup()
        ended = eventually(lambda: daemon.log.count("killing old workers\n") >= rounds, TIMEOUT)
        expect(ended, f"round {rounds} has not ended")


def upgrade(case: Case, daemon: Daemon, by_command: bool) -> None:
    path = case.subject.path
    case.install(path, path)
    if by_command:
        outcome = case.run("--upgrade", *case.files)
        expect(outcome.code == 0, f"--upgrade {outcome}")
    else:
        daemon.send(signal.SIGUSR2)
    new = os.stat(path).st_ino
    daemon.wait(lambda: os.stat(f"/proc/{daemon.pid}/exe").st_ino == new, "the new executable under the same pid")


def request(address: Tuple[str, int], source: str) -> int:
    """The generation that answers."""
    with load.connect_from(source, address) as sock:
        sock.sendall(REQUEST)
        answer = b""
        while chunk := sock.recv(4096):
            answer += chunk
        head, _, body = answer.partition(b"\r\n\r\n")
        if not head.startswith(b"HTTP/1.0 200") or not body.endswith(b"\n"):
            raise ValueError(f"the answer {answer!r}")
        return int(body.split()[0])


def visit(over, address: Tuple[str, int], source: str, pause: float) -> dict:
    """Asks as fast as it can, or with a pause."""
    served: Dict[int, int] = Counter()
    failures: List[str] = []
    slowest = 0.0
    while not over.is_set():
        for _ in range(20):      # a look at the event costs as much as a request
            begin = time.monotonic()
            try:
                served[request(address, source)] += 1
            except (OSError, ValueError) as error:
                failures.append(repr(error))
            slowest = max(slowest, time.monotonic() - begin)
            if pause:
                time.sleep(pause)
    return {"served": served, "failures": failures, "slowest": slowest}


def sums(clients: List[Client]) -> Tuple[Dict[int, int], List[str], float]:
    served: Dict[int, int] = Counter()
    failures: List[str] = []
    slowest = 0.0
    for result in [client.result() for client in clients]:
        served.update({int(generation): count for generation, count in result["served"].items()})
        failures += result["failures"]
        slowest = max(slowest, result["slowest"])
    return served, failures, slowest


def conclude(daemon, options, seconds: float, served: Dict[int, int], failures: List[str], slowest: float) -> int:
    generations = daemon.log.count("starting new worker ")
    idle = sorted(set(range(1, generations + 1)) - set(served))
    deaths = daemon.log.count("died unexpectedly") + daemon.log.count("seems to have failed")
    load.show(failures)
    if idle:
        print(f"generations that never served: {idle}")
    requests = sum(served.values()) + len(failures)
    good = not failures and not idle and not deaths and generations > options.hups
    print(f"{'ok' if good else 'FAILED'}: {requests} requests, {len(failures)} failed, {options.hups} HUPs, "
          f"{options.upgrades} upgrades, {generations} generations of which {len(idle)} never served, {deaths} deaths, "
          f"{seconds:.1f} s, {requests / seconds:.0f} requests/s, slowest {slowest * 1000:.0f} ms")
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
