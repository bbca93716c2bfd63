"""Every command of etc/README.md is run as it stands, or says there why it is not."""

from __future__ import annotations

import os
import re
from typing import List, Tuple

from harness.checks import expect_equal, read
from ..case import Case, listed
from ..printed import FILES, HAND_WRITTEN, INSTALLERS, mode
from ..staging import Staging

BLOCK = re.compile(r"^```(\w*)[ ]*(.*)\n((?:(?!^```$).*\n)*?)^```$", re.MULTILINE)
NOT_RUN = "not-run: "


def blocks(case: Case) -> List[Tuple[str, str]]:
    """The tag and the commands of each shell block."""
    found = BLOCK.findall(read(case.etc("README.md")))
    assert found, "no block found"
    return [(tag, commands) for language, tag, commands in found if language == "sh"]


def commands_work(case: Case) -> str:
    """One after the other, from the repository's directory, in one staging: first things come first."""
    runnable = [commands for tag, commands in blocks(case) if not tag]
    with Staging(case) as stage:
        for kind, name in FILES.items():
            stage.copy(case.etc(name), f"/root/daemonkit/etc/{name}", mode(kind))
        for name in HAND_WRITTEN:
            stage.copy(case.etc(name), f"/root/daemonkit/etc/{name}")
        stage.copy(case.echod, "/root/daemonkit/.build/release/echod", 0o755)
        stage.copy(case.start_server, "/root/daemonkit/.build/release/start_server", 0o755)
        stage.copy(case.masterd, "/root/daemonkit/.build/release/masterd", 0o755)
        for commands in runnable:
            stage.must("sh", "-e", "-c", f"cd /root/daemonkit\n{commands}")
    return f"{sum(len(commands.splitlines()) for commands in runnable)} commands"


def the_others_say_why(case: Case) -> str:
    tags = [tag for tag, _ in blocks(case) if tag]
    assert all(tag.startswith(NOT_RUN) and len(tag) > len(NOT_RUN) + 5 for tag in tags), f"{tags}"
    return f"{len(tags)} blocks"


def names_every_file(case: Case) -> None:
    text = read(case.etc("README.md"))
    missing = [name for name in [*FILES.values(), *HAND_WRITTEN, *INSTALLERS] if f"`{name}`" not in text]
    expect_equal("files not named", missing, [])
    directories = [name for name in os.listdir(case.etc()) if os.path.isdir(case.etc(name))]
    expect_equal("directories not named", [name for name in directories if f"{name}/" not in text], [])
    there = {os.path.relpath(os.path.join(directory, name), case.etc())
             for directory, _, names in os.walk(case.etc()) for name in names}
    expect_equal("files", sorted(there), sorted([*FILES.values(), *HAND_WRITTEN, *INSTALLERS, "README.md"]))


CHECKS = [
    listed("etc/README.md: every command works", commands_work),
    listed("etc/README.md: what is not run says why", the_others_say_why),
    listed("etc/README.md: every file is named", names_every_file),
]
