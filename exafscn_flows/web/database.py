"""The database as pages and programs read it: one store, and not for ever."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from exafscn_flows.errors import CampaignError, DatabaseLost
from exafscn_flows.store.connection import patience
from exafscn_flows.store.store import Store

PATIENCE = 10.0
"""Seconds that an answer may take."""


AWAY = "MongoDB does not answer: wait until it is back, and ask again; nothing stored is lost"


class Database:
    """Where campaigns are; connected to when somebody asks for one."""

    def __init__(self) -> None:
        self._store: Store | None = None
        self._lock = threading.Lock()

    @contextmanager
    def reading(self) -> Iterator[Store]:
        """Return the store, for what is asked while the context lasts.

        Raises
        ------
        CampaignError
            If the database is not there, or does not answer in time. The next one to ask connects
            anew.
        UsageError
            If its address makes no sense, or the server refuses the user.
        """
        try:
            with patience(PATIENCE):
                yield self._opened()
        except CampaignError as error:
            with self._lock:
                self._store = None
            if isinstance(error, DatabaseLost):
                raise CampaignError(AWAY) from error
            raise

    def _opened(self) -> Store:
        # It keeps what it has read of campaigns, so all share one.
        store = self._store
        if store is None:
            store = Store.open()
            with self._lock:
                self._store = store
        return store
