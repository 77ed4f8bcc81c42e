"""What a process does with the database; in a module that a new process can import by its name."""

import os

from exafscn_flows.settings import Settings
from exafscn_flows.store.connection import connect


def write(own: Settings, parent_client: int) -> None:
    """Write a document by a client that is not the parent's."""
    database = connect(own)
    assert id(database.client) != parent_client
    database.things.insert_one({"pid": os.getpid()})
