"""Importing the modules registers their checks, in the order of the kinds."""

from . import files, full, pids, messages, held, numbers, leaving, beginning, published, moments    # noqa: F401
