"""What leaves the descriptor store by itself: duplicates, and what hangs up. sd_pid_notify_with_fds(3)"""

from harness import processes
from harness.checks import check, expect
from harness.processes import eventually
from ..case import Case
from .notification import facts_of, started
from .upgrade import installed, upgraded


@check("FDSTORE of the same descriptor again and again keeps it once")
def store_twice(case: Case) -> None:
    master = started(case)
    pid = case.met("web")["pid"]
    before = len(processes.open_files(master.pid))
    case.order(pid, "store-pipe", "one", "", 20)
    # It comes behind the others.
    case.order(pid, "store", "last", "x")
    case.order(pid, "notify", "STATUS=all stored")
    master.wait(lambda: "all stored" in facts_of(master, "web"), "the status behind them")
    master.wait(lambda: len(processes.open_files(master.pid)) == before + 2, "two stored descriptors")
    master.reload()
    names = case.met("web", 2)["environment"].get("LISTEN_FDNAMES")
    expect(names == "one:last", f"{names}")


@check("FDSTORE: what hangs up is dropped, at once and after an upgrade; with FDPOLL=0 it stays")
def store_hung_up(case: Case) -> None:
    installed(case)
    master = started(case, "restart on-failure backoff 50ms 1s")
    first = case.met("web")["pid"]
    before = len(processes.open_files(master.pid))
    case.order(first, "store-pipe", "dies")
    case.order(first, "store-pipe", "stays", "\nFDPOLL=0")
    case.order(first, "store", "file", "x")
    master.wait(lambda: len(processes.open_files(master.pid)) == before + 3, "three stored descriptors")
    case.order(first, "close-pipes")
    master.wait(lambda: len(processes.open_files(master.pid)) == before + 2, "two stored descriptors")
    case.order(first, "store-pipe", "later")
    upgraded(case, master)
    second = case.met("web", 2)
    names = second["environment"].get("LISTEN_FDNAMES")
    expect(names == "stays:file:later", f"after the upgrade {names}")
    # The first one had the other end, and is gone.
    expect(eventually(lambda: not processes.alive(first)), "the old one lives")
    processes.kill(second["pid"])
    names = case.met("web", 3)["environment"].get("LISTEN_FDNAMES")
    expect(names == "stays:file", f"after the end of the last writer {names}")
