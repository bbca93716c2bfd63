"""The guide "Deploy": its commands are run as they stand, in one staging, or say there why they are not."""

from __future__ import annotations

import os
import re
from typing import List, Optional, Tuple

from harness.checks import expect_equal, read
from harness.commands import run
from harness.suites import REPOSITORY
from ..case import Case, listed
from ..staging import Staging

PAGE = "Sources/DaemonKit/DaemonKit.docc/Deploy.md"
# A note, which is right above the block; then the block.
BLOCK = re.compile(r"^(?:<!-- (.*) -->\n+)?```sh\n((?:(?!^```$).*\n)*?)^```$", re.MULTILINE)
NOT_RUN = "not-run: "
# Those of the table that are ours, or at hand everywhere: they are asked, whatever they answer.
OURS = ("echod", "daemonctl", "ls", "id", "getent", "grep", "systemd-analyze")


def blocks(case: Case) -> List[Tuple[Optional[str], str]]:
    found = BLOCK.findall(read(os.path.join(REPOSITORY, PAGE)))
    assert len(found) > 10, f"{len(found)} blocks"
    return [(note or None, commands) for note, commands in found]


def table_commands(case: Case) -> List[str]:
    text = read(os.path.join(REPOSITORY, PAGE)).split("### Troubleshooting\n")[1]
    rows = [re.split(r"(?<!\\) \| ", line) for line in text.splitlines() if line.startswith("| ")]
    commands = [re.fullmatch("`([^`]+)`", row[1]) for row in rows[2:]]
    assert all(commands) and len(commands) > 15, f"{rows}"
    return [command[1] for command in commands if command]


def commands_work(case: Case) -> str:
    runnable = [commands for note, commands in blocks(case) if note is None]
    with Staging(case) as stage:
        for name in ("echod", "daemonctl"):
            stage.copy(os.path.join(os.path.dirname(case.echod), name), f"/root/daemonkit/.build/release/{name}", 0o755)
        output = ""
        for commands in runnable:
            output += stage.must("sh", "-e", "-c", f"cd /root/daemonkit\n{commands}")
        for part in (r"echod is running \(pid \d+\)", r"echod \(pid \d+\) stopped|echod stopped"):
            assert re.search(part, output), output
        for command in table_commands(case):
            expect_equal(f"sh -n: {command}", stage.run("sh", "-n", "-c", command).output, "")
            if command.split()[0] in OURS:
                result = stage.run("sh", "-c", command)
                # 2 is what each of them says of words that it does not know; so does ls of a file that is not there.
                known = result.code not in (126, 127) and (result.code != 2 or "No such file" in result.output
                                                           or command.startswith("getent"))
                assert known, f"{command}: {result}"
    return f"{sum(len(commands.splitlines()) for commands in runnable)} commands"


def the_others_say_why(case: Case) -> str:
    notes = [note for note, _ in blocks(case) if note]
    assert all(note.startswith(NOT_RUN) and len(note) > len(NOT_RUN) + 10 for note in notes), f"{notes}"
    return f"{len(notes)} blocks"


def every_kind_is_told(case: Case) -> None:
    text = read(os.path.join(REPOSITORY, PAGE))
    lines = run(case.echod, "--help-completion").output.splitlines()
    line = next(line for line in lines if line.startswith("--print-service "))
    for kind in line.split("=")[1].split(","):
        assert f"`{kind}`" in text, kind


CHECKS = [
    listed("the guide Deploy: every command works", commands_work),
    listed("the guide Deploy: what is not run says why", the_others_say_why),
    listed("the guide Deploy: every kind of file is told", every_kind_is_told),
]
