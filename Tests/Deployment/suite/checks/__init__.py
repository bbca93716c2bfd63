"""All checks, in the order in which they are made."""

from typing import List

from ..case import Check
from . import files, init_script, notification, openrc, readme, rotation, start_server, systemd

ALL: List[Check] = [
    check for group in (files, systemd, notification, init_script, openrc, rotation, start_server, readme)
    for check in group.CHECKS]
