"""The file in which campaigns travel: what is in it, and whether it is what it says.

The file is a zip. Its members hold the documents of one collection each, as plain BSON one after
the other (what ``bsondump`` reads); the last member, ``manifest.json``, says how many there are,
with a checksum of each member.
"""

import hashlib
import json
import zipfile
import zlib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any, Literal

import bson
from bson.errors import BSONError
from pydantic import Field, ValidationError

from exafscn_flows.errors import UsageError
from exafscn_flows.store.documents import DOCUMENTS, CampaignDoc, SpectrumDoc
from exafscn_flows.store.models import MODEL_FILES
from exafscn_flows.store.schema import SCHEMA
from exafscn_flows.strict import StrictModel

CAMPAIGNS = CampaignDoc.collection
FILES = f"{MODEL_FILES}.files"
CHUNKS = f"{MODEL_FILES}.chunks"
SPECTRA = SpectrumDoc.collection
COMMON = "*"
"""Stands for the campaign of spectra that are of none; no campaign can have this name."""

# In the order of import: a campaign, and a file, is there when all that it needs is there.
COLLECTIONS = (CHUNKS, FILES, *(document.collection for document in DOCUMENTS), CAMPAIGNS)
MANIFEST = "manifest.json"
_MANIFEST_BYTES = 10_000_000
_DOCUMENT_BYTES = 16 * 1024 * 1024 + 16 * 1024
_DAMAGE = (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError, KeyError)


class Member(StrictModel):
    """What a member holds."""

    documents: int = Field(ge=0)
    sha256: str


class Manifest(StrictModel):
    """What the file holds, and which schema its documents have."""

    format: Literal["exafscn campaigns"] = "exafscn campaigns"
    format_version: Literal[2] = 2
    documents_schema: int = SCHEMA
    exafscn: str
    created_at: datetime
    campaigns: list[str]
    members: dict[str, Member]


def write_member(archive: zipfile.ZipFile, name: str, documents: Iterable[bytes]) -> Member:
    """Write the documents of a collection."""
    digest = hashlib.sha256()
    count = 0
    with archive.open(_member_name(name), "w", force_zip64=True) as member:
        for data in documents:
            member.write(data)
            digest.update(data)
            count += 1
    return Member(documents=count, sha256=digest.hexdigest())


def _member_name(collection: str) -> str:
    return f"{collection}.bson"


@contextmanager
def file_errors(path: Path) -> Iterator[None]:
    """Turn what is wrong with a file into one line.

    Raises
    ------
    UsageError
        If it cannot be read, is damaged, or is no such file.
    """
    try:
        yield
    except OSError as error:
        raise UsageError(
            f"{path} cannot be read: {error.strerror or error}; look at the path"
        ) from error
    except _DAMAGE as error:
        raise UsageError(
            f"{path} is damaged, or not an export of exafscn: {error}; name a file that "
            "`exafscn db export` wrote"
        ) from error
    except _ForeignError as error:
        raise UsageError(f"{path} is not an export that exafscn can read: {error}") from error


class _ForeignError(Exception):
    """What is wrong with the content of a file."""


def read_manifest(archive: zipfile.ZipFile) -> Manifest:
    """Read what the file holds, and refuse other files; within `file_errors`."""
    found = archive.namelist()
    known = {*(_member_name(name) for name in COLLECTIONS), MANIFEST}
    # Spectra alone are of one collection.
    if len(set(found)) < len(found) or MANIFEST not in found or not known.issuperset(found):
        raise _ForeignError("its members are not those of an export")
    if archive.getinfo(MANIFEST).file_size > _MANIFEST_BYTES:
        raise _ForeignError("its manifest is too large")
    _check_schema(archive.read(MANIFEST))
    try:
        manifest = Manifest.model_validate_json(archive.read(MANIFEST))
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"])
        raise _ForeignError(f"manifest, {place}: {first['msg']}") from None
    if sorted([*map(_member_name, manifest.members), MANIFEST]) != sorted(found):
        raise _ForeignError("its manifest does not name the members")
    return manifest


def _check_schema(manifest: bytes) -> None:
    """Refuse a file of another version in words that say so."""
    try:
        stated = json.loads(manifest)
    except (ValueError, RecursionError):
        return
    ours = Manifest.model_fields["format"].default
    if not isinstance(stated, dict) or stated.get("format") != ours:
        return
    schema = stated.get("documents_schema", 1)
    if schema != SCHEMA:
        raise _ForeignError(
            f"its documents have schema {schema!r} of exafscn {stated.get('exafscn')}, and this "
            f"version reads schema {SCHEMA}: read it with that version, or run the campaigns again"
        )


def read_member(archive: zipfile.ZipFile, name: str) -> Iterator[bytes]:
    """Yield the documents of a collection, as BSON; within `file_errors`."""
    with archive.open(_member_name(name)) as member:
        while head := member.read(4):
            size = int.from_bytes(head, "little")
            if not 5 <= size <= _DOCUMENT_BYTES:
                raise _ForeignError(f"{name} holds something that is no document")
            data = head + member.read(size - 4)
            if len(data) != size:
                raise _ForeignError(f"{name} ends in the middle of a document")
            yield data


def check_member(archive: zipfile.ZipFile, name: str, member: Member, campaigns: list[str]) -> None:
    """Refuse documents that are not those that were exported; within `file_errors`."""
    digest = hashlib.sha256()
    documents = 0
    for data in read_member(archive, name):
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
    if (name == CAMPAIGNS and key != campaign) or (campaign == COMMON and name != SPECTRA):
        return False
    if name == FILES:
        metadata = document.get("metadata")
        stated = metadata.get("campaign") if isinstance(metadata, dict) else None
    else:
        stated = campaign if name == CHUNKS else document.get("campaign")
    return campaign in campaigns and stated == campaign
