"""Lines of a log on standard error, for those who ask for them."""

import logging
from enum import StrEnum

_PACKAGES = ("exafscn_flows", "launcher", "jobflow")


class LogLevel(StrEnum):
    """What is logged: this, and what is worse."""

    DEBUG = "debug"
    INFO = "info"
    WARNING = "warning"
    ERROR = "error"


def set_up_logs(level: LogLevel | None) -> None:
    """Write what is logged from now on to standard error, with its time; None: leave it all out."""
    if level is None:
        return
    handler = logging.StreamHandler()
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(name)s: %(message)s"))
    for name in _PACKAGES:
        logger = logging.getLogger(name)
        logger.addHandler(handler)
        logger.setLevel(level.upper())
        logger.propagate = False
