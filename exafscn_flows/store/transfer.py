"""Campaigns in one file: the way from one MongoDB, or one version of it, to another.

The file is a zip. Its members hold the documents of one collection each, as plain BSON one after
the other (what ``bsondump`` reads); the last member, ``manifest.json``, says how many there are,
with a checksum of each member.
"""

import hashlib
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal, cast

import bson
from bson.codec_options import CodecOptions
from bson.errors import BSONError
from bson.raw_bson import RawBSONDocument
from pydantic import Field, ValidationError
from pymongo import ASCENDING, DeleteMany, ReplaceOne, UpdateOne
from pymongo.collection import Collection
from pymongo.database import Database

import exafscn_flows
from exafscn_flows.errors import UsageError
from exafscn_flows.store.connection import translate_errors
from exafscn_flows.store.documents import DOCUMENTS, CampaignDoc, ListingDoc
from exafscn_flows.store.lock import campaign_lock
from exafscn_flows.store.models import MODEL_FILES
from exafscn_flows.store.store import Store
from exafscn_flows.strict import StrictModel
from exafscn_flows.whole_file import whole_file

CAMPAIGNS = CampaignDoc.collection
FILES = f"{MODEL_FILES}.files"
CHUNKS = f"{MODEL_FILES}.chunks"

# In the order of import: a campaign, and a file, is there when all that it needs is there.
_COLLECTIONS = (CHUNKS, FILES, *(document.collection for document in DOCUMENTS), CAMPAIGNS)
_MANIFEST = "manifest.json"
_MANIFEST_BYTES = 10_000_000
_DOCUMENT_BYTES = 16 * 1024 * 1024 + 16 * 1024
_BATCH_BYTES = 4_000_000

_LOCK = "lock"
"""Field of a campaign that says who is running it now."""

_Raw = RawBSONDocument
_DAMAGE = (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError, KeyError)


class _Member(StrictModel):
    documents: int = Field(ge=0)
    sha256: str


class _Manifest(StrictModel):
    format: Literal["exafscn campaigns"] = "exafscn campaigns"
    format_version: Literal[1] = 1
    exafscn: str
    created_at: datetime
    campaigns: list[str]
    members: dict[str, _Member]


def export_campaigns(
    database: Database[dict[str, Any]], path: Path, campaigns: list[str] | None
) -> dict[str, int]:
    """Write campaigns to a file that ``import_campaigns`` reads.

    Parameters
    ----------
    database
        Where the campaigns are.
    path
        File to make; it appears when it is complete.
    campaigns
        Names; None for all.

    Returns
    -------
    dict[str, int]
        Number of documents by collection.

    Raises
    ------
    UsageError
        If the file exists, cannot be made, or there is no such campaign.
    CampaignError
        If the database goes away or the disk is full.
    """
    if path.exists():
        raise UsageError(f"{path} exists: give the name of a new file")
    with translate_errors():
        present = sorted(str(found) for found in database[CAMPAIGNS].distinct("_id"))
    wanted = present if campaigns is None else sorted(set(campaigns))
    if not wanted:
        raise UsageError("there is no campaign to export")
    if missing := [name for name in wanted if name not in present]:
        raise UsageError(f"no campaign {missing[0]!r}; there are: {', '.join(present) or 'none'}")
    members: dict[str, _Member] = {}
    with (
        whole_file(path) as file,
        zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive,
    ):
        for name in _COLLECTIONS:
            with translate_errors():
                members[name] = _write_member(archive, database, name, wanted)
        manifest = _Manifest(
            exafscn=exafscn_flows.__version__,
            created_at=datetime.now(UTC),
            campaigns=wanted,
            members=members,
        )
        archive.writestr(_MANIFEST, manifest.model_dump_json(indent=1))
    return {name: member.documents for name, member in members.items()}


def import_campaigns(database: Database[dict[str, Any]], path: Path) -> dict[str, int]:
    """Read campaigns from a file of ``export_campaigns``, in place of documents of the same key.

    Nothing is written before the whole file is checked. After an interruption, do it again.

    Parameters
    ----------
    database
        Where to put them.
    path
        The file.

    Returns
    -------
    dict[str, int]
        Number of documents by collection.

    Raises
    ------
    UsageError
        If the file is missing, damaged, or not an export of exafscn.
    CampaignError
        If the database goes away or refuses.
    """
    if path.exists() and not (path.is_file() or path.is_dir()):
        # A pipe may never end.
        raise UsageError(f"{path} is no file")
    with _file_errors(path), zipfile.ZipFile(path) as archive:
        manifest = _read_manifest(archive)
        for name, member in manifest.members.items():
            _check_member(archive, name, member, manifest.campaigns)
        with ExitStack() as locks, translate_errors():
            for campaign in manifest.campaigns:
                locks.enter_context(campaign_lock(Store(database), campaign))
            # The driver makes these indexes only in an empty bucket.
            database[CHUNKS].create_index([("files_id", ASCENDING), ("n", ASCENDING)], unique=True)
            database[FILES].create_index([("filename", ASCENDING), ("uploadDate", ASCENDING)])
            # Pages of two listings would pass for one.
            stale = {"campaign": {"$in": manifest.campaigns}}
            database[ListingDoc.collection].delete_many(stale)
            for name in manifest.members:
                _import_member(archive, database, name)
    return {name: member.documents for name, member in manifest.members.items()}


def _raw(database: Database[dict[str, Any]], name: str) -> Collection[_Raw]:
    # Bytes go through as they are: whatever a document holds, it comes back unchanged.
    options: Any = CodecOptions(document_class=_Raw)
    return cast(Collection[_Raw], database.get_collection(name, codec_options=options))


def _write_member(
    archive: zipfile.ZipFile, database: Database[dict[str, Any]], name: str, campaigns: list[str]
) -> _Member:
    digest = hashlib.sha256()
    documents = 0
    key = "files_id" if name == CHUNKS else "_id"
    order = [("files_id", ASCENDING), ("n", ASCENDING)] if name == CHUNKS else [("_id", ASCENDING)]
    with archive.open(_member_name(name), "w", force_zip64=True) as member:
        for campaign in campaigns:
            # "0" follows "/": all keys that begin with the campaign and a slash.
            keys: Any = {"$gte": f"{campaign}/", "$lt": f"{campaign}0"}
            query = {key: campaign if name == CAMPAIGNS else keys}
            fields = {_LOCK: 0} if name == CAMPAIGNS else None
            for document in _raw(database, name).find(query, fields, sort=order):
                member.write(document.raw)
                digest.update(document.raw)
                documents += 1
    return _Member(documents=documents, sha256=digest.hexdigest())


def _member_name(collection: str) -> str:
    return f"{collection}.bson"


@contextmanager
def _file_errors(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise UsageError(f"{path} cannot be read: {error.strerror or error}") from error
    except _DAMAGE as error:
        raise UsageError(f"{path} is damaged, or not an export of exafscn: {error}") from error
    except _ForeignError as error:
        raise UsageError(f"{path} is not an export that exafscn can read: {error}") from error


class _ForeignError(Exception):
    """What is wrong with the content of a file."""


def _read_manifest(archive: zipfile.ZipFile) -> _Manifest:
    found = archive.namelist()
    known = {*(_member_name(name) for name in _COLLECTIONS), _MANIFEST}
    # Exports of earlier versions have fewer collections.
    if len(set(found)) < len(found) or _MANIFEST not in found or not known.issuperset(found):
        raise _ForeignError("its members are not those of an export")
    if archive.getinfo(_MANIFEST).file_size > _MANIFEST_BYTES:
        raise _ForeignError("its manifest is too large")
    try:
        manifest = _Manifest.model_validate_json(archive.read(_MANIFEST))
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"])
        raise _ForeignError(f"manifest, {place}: {first['msg']}") from None
    if sorted([*map(_member_name, manifest.members), _MANIFEST]) != sorted(found):
        raise _ForeignError("its manifest does not name the members")
    return manifest


def _read_member(archive: zipfile.ZipFile, name: str) -> Iterator[bytes]:
    """Yield the documents of a member, as BSON."""
    with archive.open(_member_name(name)) as member:
        while head := member.read(4):
            size = int.from_bytes(head, "little")
            if not 5 <= size <= _DOCUMENT_BYTES:
                raise _ForeignError(f"{name} holds something that is no document")
            data = head + member.read(size - 4)
            if len(data) != size:
                raise _ForeignError(f"{name} ends in the middle of a document")
            yield data


def _check_member(
    archive: zipfile.ZipFile, name: str, member: _Member, campaigns: list[str]
) -> None:
    digest = hashlib.sha256()
    documents = 0
    for data in _read_member(archive, name):
        digest.update(data)
        documents += 1
        try:
            document = bson.decode(data)
        except (BSONError, RecursionError) as error:
            raise _ForeignError(f"{name} holds something that is no document") from error
        if not _belongs(document, name, campaigns):
            raise _ForeignError(f"{name}: {document.get('_id')!r} is not of its campaigns")
    if documents != member.documents or digest.hexdigest() != member.sha256:
        raise _ForeignError(f"{name} is not what was exported (its checksum differs)")


def _belongs(document: dict[str, Any], name: str, campaigns: list[str]) -> bool:
    key = document.get("files_id" if name == CHUNKS else "_id")
    if not isinstance(key, str) or "_id" not in document:
        return False
    if name == CHUNKS and not isinstance(document.get("n"), int):
        return False
    campaign = key.partition("/")[0]
    if name == CAMPAIGNS and key != campaign:
        return False
    if name == FILES:
        metadata = document.get("metadata")
        stated = metadata.get("campaign") if isinstance(metadata, dict) else None
    else:
        stated = campaign if name == CHUNKS else document.get("campaign")
    return campaign in campaigns and stated == campaign


def _import_member(archive: zipfile.ZipFile, database: Database[dict[str, Any]], name: str) -> None:
    collection = _raw(database, name)
    batch: list[Any] = []
    size = 0
    for data in _read_member(archive, name):
        document = _Raw(data)
        key = {"_id": document["_id"]}
        if name == CHUNKS and document["n"] == 0:
            # The chunks of an older file of that name have other _ids, and may be more.
            batch.append(DeleteMany({"files_id": document["files_id"]}))
        if name == CAMPAIGNS:
            merged = {"$mergeObjects": [{"$literal": document}, {_LOCK: f"${_LOCK}"}]}
            batch.append(UpdateOne(key, [{"$replaceWith": merged}], upsert=True))
        else:
            batch.append(ReplaceOne(key, document, upsert=True))
        size += len(data)
        if size > _BATCH_BYTES:
            collection.bulk_write(batch)
            batch, size = [], 0
    if batch:
        collection.bulk_write(batch)
