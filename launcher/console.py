"""The terminal."""

import io
import sys
from pathlib import Path

from rich.console import Console


def replace_unknown_characters() -> None:
    """Have characters replaced that the terminal or file behind standard output does not know."""
    for stream in (sys.stdout, sys.stderr):
        # Python already writes them with a backslash to standard error.
        if isinstance(stream, io.TextIOWrapper) and stream.errors in ("strict", "surrogateescape"):
            stream.reconfigure(errors="replace")


def begin(line: str) -> None:
    """Say on a terminal what is done first: what that needs may take seconds to load."""
    if sys.stderr.isatty():
        print(line, file=sys.stderr, flush=True)


def console(*, stderr: bool = False) -> Console:
    """Return a console that shows names as they are: `mp-1:V:0` holds no emoji."""
    # Where standard error is redirected for a while, what is shown there is not.
    return Console(file=sys.stderr if stderr else None, emoji=False)


def spectrum_name(file: str, group: str) -> str:
    """Return what to call a spectrum of a file; a file of one has its own name for a group."""
    name = Path(file).name
    return name if name.startswith(group) else f"{name}: {group}"
