"""Campaigns in one file: the way from one MongoDB to another; see `archive` for the file.

Computed spectra can travel alone. They are of no campaign then, but of ``COMMON``, and each is
there once: its ``_id`` is the hash of its content.
"""

import zipfile
from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, cast

import bson
from bson.codec_options import CodecOptions
from bson.raw_bson import RawBSONDocument
from pymongo import ASCENDING, DeleteMany, ReplaceOne, UpdateOne
from pymongo.collection import Collection
from pymongo.database import Database

import exafscn_flows
from exafscn_flows.errors import UsageError
from exafscn_flows.store.archive import (
    CAMPAIGNS,
    CHUNKS,
    COLLECTIONS,
    COMMON,
    FILES,
    MANIFEST,
    SPECTRA,
    Manifest,
    Member,
    check_member,
    file_errors,
    read_manifest,
    read_member,
    write_member,
)
from exafscn_flows.store.base import keys_of
from exafscn_flows.store.connection import translate_errors
from exafscn_flows.store.documents import ListingDoc
from exafscn_flows.store.lock import campaign_lock
from exafscn_flows.store.schema import check_schema
from exafscn_flows.store.store import COMPUTED, Store
from exafscn_flows.whole_file import whole_file

_BATCH_BYTES = 4_000_000

_LOCK = "lock"
"""Field of a campaign that says who is running it now."""

_Raw = RawBSONDocument


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
    wanted = _wanted(database, campaigns)
    if not wanted:
        raise UsageError("there is no campaign to export")

    def found(name: str) -> Iterator[bytes]:
        for campaign in wanted:
            yield from _of_campaign(database, name, campaign)

    return _write(path, wanted, {name: found(name) for name in COLLECTIONS})


def export_spectra(
    database: Database[dict[str, Any]], path: Path, campaigns: list[str] | None
) -> dict[str, int]:
    """Write computed spectra, each once, to a file that ``import_campaigns`` reads.

    Parameters are those of ``export_campaigns``; None for the spectra of all campaigns, and those
    that are of none. Returns and raises as it does.
    """
    wanted = _wanted(database, campaigns)
    query = {**COMPUTED, **({} if campaigns is None else {"campaign": {"$in": wanted}})}
    with translate_errors():
        if database[SPECTRA].find_one(query, {"_id": 1}) is None:
            raise UsageError("there is no computed spectrum to export")
    return _write(path, [COMMON], {SPECTRA: _computed(database, query)})


def _wanted(database: Database[dict[str, Any]], campaigns: list[str] | None) -> list[str]:
    check_schema(database)
    with translate_errors():
        present = sorted(str(found) for found in database[CAMPAIGNS].distinct("_id"))
    if campaigns is None:
        return present
    wanted = sorted(set(campaigns))
    if missing := [name for name in wanted if name not in present]:
        raise UsageError(f"no campaign {missing[0]!r}; there are: {', '.join(present) or 'none'}")
    return wanted


def _write(
    path: Path, campaigns: list[str], collections: dict[str, Iterable[bytes]]
) -> dict[str, int]:
    if path.exists():
        raise UsageError(f"{path} exists: give the name of a new file")
    members: dict[str, Member] = {}
    with (
        whole_file(path) as file,
        zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive,
    ):
        for name, documents in collections.items():
            with translate_errors():
                members[name] = write_member(archive, name, documents)
        manifest = Manifest(
            exafscn=exafscn_flows.__version__,
            created_at=datetime.now(UTC),
            campaigns=campaigns,
            members=members,
        )
        archive.writestr(MANIFEST, manifest.model_dump_json(indent=1))
    return {name: member.documents for name, member in members.items()}


def import_campaigns(database: Database[dict[str, Any]], path: Path) -> dict[str, int]:
    """Read campaigns, or spectra, from a file, in place of documents of the same key.

    Nothing is written before the whole file is checked. After an interruption, do it again.

    Parameters
    ----------
    database
        Where to put them.
    path
        The file, of ``export_campaigns`` or ``export_spectra``.

    Returns
    -------
    dict[str, int]
        Number of documents by collection.

    Raises
    ------
    UsageError
        If the file is missing, damaged, or not an export of exafscn; or if file or database are of
        a version with other documents.
    CampaignError
        If the database goes away or refuses.
    """
    check_schema(database)
    if path.exists() and not (path.is_file() or path.is_dir()):
        # A pipe may never end.
        raise UsageError(f"{path} is no file")
    with file_errors(path), zipfile.ZipFile(path) as archive:
        manifest = read_manifest(archive)
        for name, member in manifest.members.items():
            check_member(archive, name, member, manifest.campaigns)
        store = Store(database)
        store.prepare()
        with ExitStack() as locks, translate_errors():
            for campaign in manifest.campaigns:
                if campaign != COMMON:
                    locks.enter_context(campaign_lock(store, campaign))
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


def _of_campaign(database: Database[dict[str, Any]], name: str, campaign: str) -> Iterator[bytes]:
    """Read the documents of a campaign in one collection, in the order of their keys."""
    key = "files_id" if name == CHUNKS else "_id"
    order = [("files_id", ASCENDING), ("n", ASCENDING)] if name == CHUNKS else [("_id", ASCENDING)]
    query: Any = {key: campaign if name == CAMPAIGNS else keys_of(campaign)}
    fields = {_LOCK: 0} if name == CAMPAIGNS else None
    cursor = _raw(database, name).find(query, fields, sort=order)
    return (bytes(document.raw) for document in cursor)


def _computed(database: Database[dict[str, Any]], query: dict[str, Any]) -> Iterator[bytes]:
    """Read spectra by their hashes, each once, as such that are of no campaign."""
    last = None
    cursor = _raw(database, SPECTRA).find(query, sort=[("hash", ASCENDING)], allow_disk_use=True)
    for document in cursor:
        if document["hash"] == last:
            continue
        last = document["hash"]
        found_in = document.get("found_in") or document["campaign"]
        of_none = {"_id": f"{COMMON}/{last}", "campaign": COMMON, "found_in": found_in}
        yield bson.encode({**document, **of_none})


def _import_member(archive: zipfile.ZipFile, database: Database[dict[str, Any]], name: str) -> None:
    collection = _raw(database, name)
    batch: list[Any] = []
    size = 0
    for data in read_member(archive, name):
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
