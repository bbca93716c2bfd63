"""Importing this registers every check, in the order of the specification."""

from . import command_line, listeners, environment, envdir                  # noqa: F401
from . import daemonize, stop_and_restart, faults, kills, moments           # noqa: F401
from . import life, stopping, auto_restart, files, log_file                 # noqa: F401
from . import readiness, limits, upgrade, clients                           # noqa: F401
