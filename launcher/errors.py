"""How errors end a process: one line on standard error, and an exit code."""

import os
import sys
from collections.abc import Callable
from typing import Any

import typer

from exafscn_flows.errors import ExafscnError


def guarded(work: Callable[..., Any], *args: Any) -> None:
    """Do some work; an error of it becomes one line and the exit code."""
    if sys.unraisablehook is sys.__unraisablehook__:
        sys.unraisablehook = _ended
    try:
        work(*args)
    except ExafscnError as error:
        complain(str(error))
        sys.exit(error.exit_code)
    except Exception as error:
        if os.environ.get("EXAFSCN_DEBUG"):
            raise
        line = " ".join(str(error).split())[:300]
        complain(f"unexpected {type(error).__name__}: {line} (EXAFSCN_DEBUG=1 shows where)")
        sys.exit(1)


def _ended(error: "sys.UnraisableHookArgs") -> None:
    """Say nothing of what libraries run into as the process ends.

    pymongo stops its threads then, also one that is just being made.
    """
    if "atexit" not in (error.err_msg or ""):
        sys.__unraisablehook__(error)


def complain(message: str) -> None:
    """Write a message to standard error, under the name of the program."""
    for line in message.splitlines():
        typer.echo(f"exafscn: {line}", err=True)
