"""The terminal."""

import sys

from rich.console import Console


def console(*, stderr: bool = False) -> Console:
    """Return a console that shows names as they are: `mp-1:V:0` holds no emoji."""
    # Where standard error is redirected for a while, what is shown there is not.
    return Console(file=sys.stderr if stderr else None, emoji=False)
