"""Kind 1: a full disk. What is lost is counted and told, and nothing waits."""

import os
import re

from harness.checks import expect, read
from harness.moments import meanwhile
from harness.processes import eventually

from ..arena import MASTERD, Arena
from ..registry import attack

KIND = "1 full disk"
LOG_FILE = "masterd, log file"
TALK = "n=0; while :; do n=$((n+1)); echo line $n of the service; [ $((n % 50)) != 0 ] || sleep 0.02; done"


@attack(KIND, "lines that a full disk has taken are counted and reported, and none is torn", MASTERD,
        LOG_FILE)
def full_disk(arena: Arena, front_end: str) -> None:
    """start_server's workers write to the file themselves, as Server::Starter's do, and see the error themselves."""
    disk = arena.disk("disk", "size=64k,mode=755")
    log = os.path.join(disk, "log")
    script = arena.script("talk", TALK)
    if front_end == MASTERD:
        arena.log_file = log
        master = arena.serve(front_end, command=script)
    else:
        master = arena.serve(MASTERD, command=script, lines=[f"log file {log}"], person=None)
    with arena.probe(master):
        def is_full() -> bool:
            found = os.statvfs(disk)
            return found.f_bavail == 0
        expect(eventually(is_full, 15), "the disk is not full yet")
        meanwhile(1)       # lines are lost meanwhile
        before = read(log)
        os.truncate(log, 0)
        told = r"(?i)(lost|dropped|not written|missing)"
        eventually(lambda: re.search(told, read(log) + read(arena.log_file)), 5)
        found = read(log) + read(arena.log_file)
        expect(re.search(told, found), f"the log says nothing of what was lost: {found[:300]!r}")
        torn = [line for line in (before + found).splitlines()[1:-1]
                if "line" in line and not re.search(r"line \d+ of the service$", line)
                and not re.search(told, line)]
        # The last line on the full disk may have been cut by the kernel, and is then ended.
        expect(len(torn) <= 1, f"{len(torn)} lines are torn: {torn[:3]}")
    arena.goes_on(master)
