"""Serving the page on this machine, until somebody ends it."""

import errno
import logging
import threading
from collections.abc import Callable

from waitress.server import create_server

from exafscn_flows.errors import CampaignError, UsageError
from exafscn_flows.web.access import HOST, Access
from exafscn_flows.web.app import make_server
from exafscn_flows.web.library import Library

_MOST_RECEIVED = 2**30
"""Bytes of a request that are received at all, on the disk."""

THREADS = 8
"""Requests that are answered at once."""


def serve(port: int, tell: Callable[[Access], None]) -> None:
    """Serve the page; returns when the process is interrupted.

    Parameters
    ----------
    port
        Port on 127.0.0.1; 0 for one that is free.
    tell
        Is told the address as soon as there is an answer at it.

    Raises
    ------
    UsageError
        If the port cannot be had.
    CampaignError
        If nothing can be served.
    """
    # It says of every slow client that a task waits.
    logging.getLogger("waitress").setLevel(logging.ERROR)
    # The token belongs to the address, and the address is known when the socket is there.
    application = _Late()
    try:
        server = create_server(
            application,
            host=HOST,
            port=port,
            threads=THREADS,
            ident=None,
            # Larger requests than the page takes are still read, so that it can say so.
            max_request_body_size=_MOST_RECEIVED,
        )
    except OSError as error:
        if error.errno in (errno.EADDRINUSE, errno.EACCES):
            raise UsageError(
                f"port {port} cannot be had ({error.strerror}): give another one with --port"
            ) from None
        raise CampaignError(f"nothing can be served: {error}") from error
    access = Access(int(server.effective_port))
    application.start(access)
    tell(access)
    try:
        server.run()
    finally:
        server.close()
        application.close()


class _Late:
    """An application that is made after the socket at which it is asked."""

    def start(self, access: Access) -> None:
        self._library = Library()
        self._application = make_server(access, self._library)

        threading.Thread(target=self._library.warm_up, daemon=True).start()

    def close(self) -> None:
        self._library.close()

    def __call__(self, environ: dict[str, object], start_response: Callable[..., object]) -> object:
        return self._application(environ, start_response)  # type: ignore[arg-type]
