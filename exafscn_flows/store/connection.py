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
    PyMongoError,
)

from exafscn_flows.errors import CampaignError, DatabaseLost, UsageError
from exafscn_flows.settings import Settings
from exafscn_flows.store.embedded import EmbeddedServer

OLDEST_SERVER = (6, 0)
FIRST_ANSWER_SECONDS = 5.0

_AUTHENTICATION_FAILED = 18
_NOT_ALLOWED = 13
_ATLAS = 8000
"""Atlas refuses with this code, and says in words whether it is the login or the right."""
_FORBIDDEN = re.compile(
    r"not authorized on (?P<base>\S+) to execute command \{ (?P<command>\w+)"
    r"|not allowed to do action \[(?P<action>\w+)\] on \[(?P<place>[^.\]]+)"
)
_READING = {"find", "aggregate", "count", "distinct", "explain", "getMore"}
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
        If the URI is malformed, or the server refuses what it says: user, password, certificates,
        or a member of a replica set that is not its primary.
    CampaignError
        If the server is not there, is too old, or cannot be started.
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


@contextmanager
def patience(seconds: float) -> Iterator[None]:
    """Wait no longer for MongoDB than this, in all that is asked while the context lasts.

    Raises
    ------
    CampaignError
        By what is asked through the store, if the time is over.
    """
    with pymongo.timeout(seconds):
        yield


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
    UsageError
        If the server refused the user, or does not allow it what was asked.
    DatabaseLost
        If the server went away.
    CampaignError
        If it is full, or could not do what was asked.
    """
    try:
        yield
    except ConnectionFailure as error:
        raise DatabaseLost(
            "MongoDB went away: what was acknowledged is safe, run the same command to go on "
            f"({_short(error)})"
        ) from error
    except DocumentTooLarge as error:
        raise CampaignError(_TOO_LARGE_MESSAGE) from error
    except DuplicateKeyError:
        raise
    except OperationFailure as error:
        codes = _codes(error)
        if _is_refused_login(error):
            raise UsageError("MongoDB refused the user name or the password") from error
        if _is_forbidden(error):
            raise UsageError(_forbidden(error)) from error
        if _DISK_FULL in codes or re.search("disk space|No space left", str(error)):
            message = (
                "MongoDB has no disk space left: what was acknowledged is safe, make room and "
                "run the same command to go on"
            )
        elif codes & _TOO_LARGE:
            message = _TOO_LARGE_MESSAGE
        else:
            message = f"MongoDB reported: {_short(error)}"
        raise CampaignError(message) from error
    except RuntimeError as error:
        # FireWorks raises one in place of what kept it from refreshing a workflow.
        if not isinstance(error.__context__, PyMongoError):
            raise
        with translate_errors():
            raise error.__context__ from None


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
    except (InvalidURI, ConfigurationError, OSError, ValueError, TypeError, UserWarning) as error:
        place = redact(uri)
        # Of mongodb+srv addresses, the names of the servers are asked for here.
        if type(error.__cause__).__module__.startswith("dns."):
            raise CampaignError(_not_there(uri, _short(error))) from None
        if isinstance(error, OSError) or isinstance(error.__context__, OSError):
            raise UsageError(
                f"EXAFSCN_MONGODB_URI ({place}) names a file for TLS that cannot be used: "
                f"{_of_file(error)}"
            ) from None
        # pymongo quotes what it does not understand, which may be a part of the password.
        reason = (
            "look for misspelt options, and in user name and password write : / ? # [ ] @ % as "
            "%3A %2F %3F %23 %5B %5D %40 %25"
            if "@" in uri
            else str(error)
        )
        raise UsageError(
            f"EXAFSCN_MONGODB_URI ({place}) is not a MongoDB address: {reason}"
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
            hello = client.admin.command("hello")
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
            raise UsageError(
                f"MongoDB at {place} and exafscn do not agree on TLS ({reason}): look at tls, "
                "tlsCAFile and tlsCertificateKeyFile in EXAFSCN_MONGODB_URI"
            ) from error
        if "replica set" in reason:
            raise UsageError(_no_primary(place, reason)) from error
        raise CampaignError(_not_there(uri, reason)) from error
    except OperationFailure as error:
        if _is_refused_login(error):
            raise UsageError(
                f"MongoDB at {place} refused the user name or the password; look at "
                "EXAFSCN_MONGODB_URI, and at its authSource if the user belongs to another database"
            ) from error
        if _is_forbidden(error):
            raise UsageError(
                f"MongoDB at {place} does not allow this user to read database {database.name!r}; "
                "give a user with the role read or readWrite in EXAFSCN_MONGODB_URI"
            ) from error
        raise CampaignError(f"MongoDB at {place} reported: {_short(error)}") from error
    if not hello["isWritablePrimary"]:
        # Only directConnection leads here: its reads may be out of date.
        raise UsageError(_no_primary(place, f"{hello.get('me', 'this member')} is none"))
    if tuple(int(part) for part in version.split(".")[:2]) < OLDEST_SERVER:
        raise CampaignError(f"MongoDB at {place} is too old: it is {version}, exafscn needs 6.0")


def _not_there(uri: str, reason: str) -> str:
    return (
        f"no MongoDB at {redact(uri)} ({reason}): start it, or unset EXAFSCN_MONGODB_URI to use "
        "exafscn's own"
    )


def _no_primary(place: str, reason: str) -> str:
    return (
        f"no primary in the replica set at {place} ({reason}): look at the hosts, replicaSet and "
        "directConnection in EXAFSCN_MONGODB_URI; a new primary takes seconds to be elected"
    )


def _is_refused_login(error: OperationFailure) -> bool:
    codes = _codes(error)
    return _AUTHENTICATION_FAILED in codes or (_ATLAS in codes and not _is_forbidden(error))


def _is_forbidden(error: OperationFailure) -> bool:
    codes = _codes(error)
    return _NOT_ALLOWED in codes or (_ATLAS in codes and bool(_FORBIDDEN.search(str(error))))


def _forbidden(error: OperationFailure) -> str:
    """Say what a user may not do, without the documents that the server repeats."""
    found = _FORBIDDEN.search(str(error))
    command = found and (found["command"] or found["action"])
    verb, role = ("read", "read") if command in _READING else ("write", "readWrite")
    base = found and (found["base"] or found["place"])
    return (
        f"MongoDB does not allow this user to {verb} "
        f"({f'{command} in database {base!r}' if found else _short(error)}): give a user with the "
        f"role {role} in EXAFSCN_MONGODB_URI"
    )


def _of_file(error: Exception) -> str:
    name, reason = getattr(error, "filename", None), getattr(error, "strerror", None)
    return f"{name}: {reason}" if name else _short(error)


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
