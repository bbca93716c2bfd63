"""What the system says of a process."""
import os
import re
from pathlib import Path

# Nothing of the caller's session reaches what is measured (NOTIFY_SOCKET, PYTHON*, LD_*).
ENVIRONMENT = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LANG": "C.UTF-8"}


def memory_kib(pid):
    """RSS, PSS and private memory."""
    text = Path(f"/proc/{pid}/smaps_rollup").read_text()
    field = lambda name: int(re.search(rf"^{name}:\s+(\d+) kB", text, re.M)[1])
    return field("Rss"), field("Pss"), field("Private_Clean") + field("Private_Dirty")


def activity(pid):
    """Context switches of all threads, and the process's CPU ticks."""
    switches = 0
    for task in Path(f"/proc/{pid}/task").iterdir():
        switches += sum(map(int, re.findall(r"^\w*ctxt_switches:\s+(\d+)", (task / "status").read_text(), re.M)))
    after_name = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return switches, int(after_name[11]) + int(after_name[12])


def threads(pid):
    return len(os.listdir(f"/proc/{pid}/task"))
