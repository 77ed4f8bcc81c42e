"""`exafscn serve`: the page, and how it ends."""

from importlib.util import find_spec
from typing import TYPE_CHECKING

from exafscn_flows.errors import UsageError
from launcher.console import console

if TYPE_CHECKING:
    from exafscn_flows.web.access import Access

_NEEDED = ("dash", "waitress")


def serve_page(port: int) -> None:
    """Serve the page until the process is interrupted.

    Raises
    ------
    UsageError
        If what it needs is not installed, or the port cannot be had.
    """
    check_installed()
    from exafscn_flows.web.serving import serve

    serve(port, _tell)


def check_installed() -> None:
    """Raise UsageError if the extra of the page is not installed."""
    missing = [name for name in _NEEDED if find_spec(name) is None]
    if missing:
        raise UsageError(f"the page needs {' and '.join(missing)}: pip install 'exafscn[web]'")


def _tell(access: "Access") -> None:
    terminal = console()
    # Not wrapped: it is there to be opened, or copied.
    terminal.print(f"the page: {access.link}", soft_wrap=True, highlight=False)
    terminal.print("Ctrl-C ends it.")
    terminal.file.flush()
