"""Importing this registers every check, in the order of the specification."""

from . import life, configuration, reload, reload_failures               # noqa: F401
from . import upgrade, upgrade_keeps, upgrade_losses                      # noqa: F401
from . import stop, insistence, death, finished, order, master_death, signals  # noqa: F401
from . import children, identity, notification, store, control, routing   # noqa: F401
from . import systemd, trouble, chaos, faults, budgets, moved, own_log    # noqa: F401
