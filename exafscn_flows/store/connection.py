"""The one place that connects to MongoDB, and that puts its errors into words."""

import os
import re
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pymongo
from pymongo import MongoClient, ReadPreference
from pymongo.database import Database
from pymongo.errors import (
    ConfigurationError,
    ConnectionFailure,
    DocumentTooLarge,
    DuplicateKeyError,
    InvalidURI,
    OperationFailure,
)

from exafscn_flows.errors import CampaignError, UsageError
from exafscn_flows.settings import Settings
from exafscn_flows.store.embedded import EmbeddedServer

OLDEST_SERVER = (6, 0)
FIRST_ANSWER_SECONDS = 5.0

_AUTHENTICATION_FAILED = {18, 8000}  # 8000: Atlas
_NOT_ALLOWED = 13
_DISK_FULL = 14031
_TOO_LARGE = {10334, 17280, 17419, 17420}
_TOO_LARGE_MESSAGE = "a document is larger than the 16 MB that MongoDB takes"

_clients: dict[tuple[int, str], MongoClient[dict[str, Any]]] = {}
# By process too: a client does not survive a fork.


def connect(settings: Settings | None = None) -> Database[dict[str, Any]]:
    """Connect to the MongoDB of the settings; start the embedded server if there is none.

    Writes are acknowledged once they are in the journal of a majority of the servers, reads go to
    the primary, and dates are in UTC, whatever the URI asks for.

    Parameters
    ----------
    settings
        Settings of this machine; read from the environment if not given.

    Returns
    -------
    Database
        The database named in the URI, ``exafscn`` if it names none. Its client is shared by all
        calls in this process.

    Raises
    ------
    UsageError
        If the URI is malformed.
    CampaignError
        If the server is not there, refuses the user, is too old, or cannot be started.
    """
    settings = settings or Settings()
    if settings.MONGODB_URI is None:
        uri = EmbeddedServer(settings.DATA_DIR).start()
        # It has no replicas to wait for.
        selection_ms = {"serverSelectionTimeoutMS": 5000}
    else:
        uri = settings.MONGODB_URI.get_secret_value()
        selection_ms = {}
    key = (os.getpid(), uri)
    if key not in _clients:
        client = _new_client(uri, **selection_ms)
        try:
            _check(client, uri)
        except BaseException:
            client.close()
            raise
        if _clients.setdefault(key, client) is not client:
            client.close()
    return _database(_clients[key])


def redact(uri: str) -> str:
    """Return a MongoDB URI as it may be shown: without password and options.

    What cannot be told apart from a password for certain is left out too.
    """
    scheme, separator, rest = uri.partition("://")
    if not separator or scheme not in ("mongodb", "mongodb+srv"):
        return "***"
    place = rest.partition("?")[0]
    credentials, at, hosts = place.rpartition("@")
    # A password with an unescaped @, / or ? would show up as part of the hosts.
    plain = r"(\[[0-9A-Fa-f:.%]+\]|[\w.%-]+)(:\d+)?"
    if rest.count("@") > len(at) or not re.fullmatch(rf"{plain}(,{plain})*(/[\w-]*)?", hosts):
        return f"{scheme}://***"
    user, colon, _ = credentials.partition(":")
    return f"{scheme}://{f'{user}:***@' if colon else '***@' if at else ''}{hosts}"


@contextmanager
def translate_errors() -> Iterator[None]:
    """Turn errors of MongoDB in the middle of a campaign into one clear line.

    DuplicateKeyError, and errors of the calling code such as InvalidOperation, pass unchanged.

    Raises
    ------
    CampaignError
        If the server went away, refused the user, is full, or could not do what was asked.
    """
    try:
        yield
    except ConnectionFailure as error:
        raise CampaignError(
            "MongoDB went away: what was acknowledged is safe, run the same command to go on "
            f"({_short(error)})"
        ) from error
    except DocumentTooLarge as error:
        raise CampaignError(_TOO_LARGE_MESSAGE) from error
    except DuplicateKeyError:
        raise
    except OperationFailure as error:
        codes = _codes(error)
        if codes & _AUTHENTICATION_FAILED:
            message = "MongoDB refused the user name or the password"
        elif _NOT_ALLOWED in codes:
            message = f"MongoDB does not allow this user to do this: {_short(error)}"
        elif _DISK_FULL in codes or re.search("disk space|No space left", str(error)):
            message = (
                "MongoDB has no disk space left: what was acknowledged is safe, make room and "
                "run the same command to go on"
            )
        elif codes & _TOO_LARGE:
            message = _TOO_LARGE_MESSAGE
        else:
            message = f"MongoDB reported: {_short(error)}"
        raise CampaignError(message) from error


def _new_client(uri: str, **options: Any) -> MongoClient[dict[str, Any]]:
    try:
        with warnings.catch_warnings():
            # For pymongo, a misspelt option is worth a warning only.
            warnings.simplefilter("error", UserWarning)
            if not uri.startswith(("mongodb://", "mongodb+srv://")):
                raise InvalidURI("it begins with mongodb:// or mongodb+srv://")
            return MongoClient(
                uri, w="majority", journal=True, tz_aware=True, appname="exafscn", **options
            )
    except (InvalidURI, ConfigurationError, ValueError, TypeError, UserWarning) as error:
        if "DNS" in str(error):
            raise CampaignError(_not_there(uri, "no such name in the DNS")) from None
        # pymongo quotes what it does not understand, which may be a part of the password.
        reason = (
            "look for misspelt options, and in user name and password write : / ? # [ ] @ % as "
            "%3A %2F %3F %23 %5B %5D %40 %25"
            if "@" in uri
            else str(error)
        )
        raise UsageError(
            f"EXAFSCN_MONGODB_URI ({redact(uri)}) is not a MongoDB address: {reason}"
        ) from None


def _database(client: MongoClient[dict[str, Any]]) -> Database[dict[str, Any]]:
    # What is out of date is decided by reading: a secondary's past would compute it twice.
    return client.get_default_database("exafscn", read_preference=ReadPreference.PRIMARY)


def _check(client: MongoClient[dict[str, Any]], uri: str) -> None:
    """Make the server answer, or say in one line why it does not."""
    place = redact(uri)
    database = _database(client)
    try:
        with pymongo.timeout(FIRST_ANSWER_SECONDS):
            version = client.server_info()["version"]
            database["campaigns"].find_one({}, {"_id": 1})  # without a login, a ping is answered
    except ConfigurationError as error:
        too_old = re.search(r"wire version \d+.*MongoDB [\d.]+", str(error))
        raise CampaignError(
            f"MongoDB at {place} is too old: exafscn needs 6.0"
            if too_old
            else f"MongoDB at {place}: {_short(error)}"
        ) from error
    except ConnectionFailure as error:
        reason = _short(error)
        if re.search("SSL|TLS|certificate|connection closed", reason):
            raise CampaignError(
                f"MongoDB at {place} and exafscn do not agree on TLS ({reason}): look at tls and "
                "tlsCAFile in EXAFSCN_MONGODB_URI"
            ) from error
        raise CampaignError(_not_there(uri, reason)) from error
    except OperationFailure as error:
        codes = _codes(error)
        if codes & _AUTHENTICATION_FAILED:
            message = (
                "refused the user name or the password; look at EXAFSCN_MONGODB_URI, and at its "
                "authSource if the user belongs to another database"
            )
        elif _NOT_ALLOWED in codes:
            message = (
                f"does not allow this user to read database {database.name!r}; give a user with "
                "the role readWrite in EXAFSCN_MONGODB_URI"
            )
        else:
            message = f"reported: {_short(error)}"
        raise CampaignError(f"MongoDB at {place} {message}") from error
    if tuple(int(part) for part in version.split(".")[:2]) < OLDEST_SERVER:
        raise CampaignError(f"MongoDB at {place} is too old: it is {version}, exafscn needs 6.0")


def _not_there(uri: str, reason: str) -> str:
    return (
        f"no MongoDB at {redact(uri)} ({reason}): start it, or unset EXAFSCN_MONGODB_URI to use "
        "exafscn's own"
    )


def _codes(error: OperationFailure) -> set[int]:
    """Return the error codes of a failed operation and of the writes in it."""
    details = error.details or {}
    found = [*details.get("writeErrors", []), *details.get("writeConcernErrors", [])]
    return {code for code in (error.code, *(e.get("code") for e in found)) if code is not None}


def _short(error: Exception) -> str:
    """Return pymongo's message without its appendices on timeouts and topology."""
    details = error.details or {} if isinstance(error, OperationFailure) else {}
    writes = details.get("writeErrors") or [{}]
    text = str(writes[0].get("errmsg") or error)
    text = re.split(r" \(configured timeouts|, Timeout: |, full error: ", text)[0]
    return " ".join(text.split())[:300]
