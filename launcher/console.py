"""The terminal."""

from rich.console import Console


def console(*, stderr: bool = False) -> Console:
    """Return a console that shows names as they are: `mp-1:V:0` holds no emoji."""
    return Console(stderr=stderr, emoji=False)
