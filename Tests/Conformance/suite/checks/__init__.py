"""Every check of the suite, by subject matter; importing a module registers its checks."""

from . import (     # noqa: F401
    launching, detachment, inheritance, single_instance, pid_file, failures, log_file, ending, control,
)
