"""Which schema the documents of a database have, so that no version reads those of another."""

from contextlib import suppress
from typing import Any
from weakref import WeakKeyDictionary

from pymongo import MongoClient
from pymongo.database import Database
from pymongo.errors import DuplicateKeyError

import exafscn_flows
from exafscn_flows.errors import UsageError
from exafscn_flows.store.base import now
from exafscn_flows.store.connection import translate_errors

SCHEMA = 3
"""Raised when documents of before would be misread."""

COLLECTION = "schema"
_ID = "exafscn"

RawDatabase = Database[dict[str, Any]]

_checked: WeakKeyDictionary[MongoClient[dict[str, Any]], set[str]] = WeakKeyDictionary()
"""Databases that can be read, by connection."""


@translate_errors()
def check_schema(database: RawDatabase) -> None:
    """Check that this version can read a database; asks the server once for each connection.

    Raises
    ------
    UsageError
        If it holds campaigns of another schema.
    """
    checked = _checked.setdefault(database.client, set())
    if database.name not in checked:
        _check(database)
        checked.add(database.name)


@translate_errors()
def write_schema(database: RawDatabase) -> None:
    """Say in a new database which schema it has, before the first campaign is written there.

    Raises
    ------
    UsageError
        If it holds campaigns of another schema.
    """
    if not _check(database):
        written = {"schema": SCHEMA, "exafscn": exafscn_flows.__version__, "created_at": now()}
        with suppress(DuplicateKeyError):  # another process was at it, too
            database[COLLECTION].insert_one({"_id": _ID, **written})
        _check(database)


def _check(database: RawDatabase) -> bool:
    """Tell whether a database says its schema, if that is not another one."""
    found = database[COLLECTION].find_one({"_id": _ID})
    if found is None:
        # Earlier versions wrote no such document.
        if database["campaigns"].find_one({}, {"_id": 1}) is None:
            return False
        found = {"schema": 1}
    if found.get("schema") != SCHEMA:
        raise UsageError(
            f"database {database.name!r} has schema {found.get('schema')!r} of another version of "
            f"exafscn, and this one reads schema {SCHEMA}: `exafscn db export` of that version "
            "keeps its campaigns; then name another database in EXAFSCN_MONGODB_URI, or drop this "
            f'one (`mongosh URI --eval "db.dropDatabase()"`; of exafscn\'s own server, '
            "`exafscn db stop` and delete the folder that `exafscn db status` shows)"
        )
    return True
