"""All checks, in the order in which they are made."""

from typing import List

from harness.checks import Check
from . import (completion, containers, files, guide, init_script, manuals, masterd, notification, openrc, readme,
               rotation, start_server, systemd)

GROUPS = (files, completion, systemd, notification, init_script, openrc, rotation, start_server, masterd, containers,
          manuals, readme, guide)
ALL: List[Check] = [check for group in GROUPS for check in group.CHECKS]
