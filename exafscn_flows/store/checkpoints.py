"""How far fits are that have not ended: kept so that none is begun again from nothing."""

from collections.abc import Collection
from contextlib import suppress
from typing import Any
from uuid import uuid4

from gridfs import GridFSBucket, NoFile
from gridfs.errors import CorruptGridFile
from pymongo.database import Database

from exafscn_flows.errors import CampaignError
from exafscn_flows.store.base import keys_of
from exafscn_flows.store.connection import translate_errors

CHECKPOINTS = "checkpoints"


class CheckpointStore:
    """Checkpoints of all campaigns in one MongoDB database, in GridFS.

    Each has an _id that begins with its name, by which pieces are found that a killed writer left.

    Parameters
    ----------
    database
        As :func:`exafscn_flows.store.connection.connect` returns it.
    """

    def __init__(self, database: Database[dict[str, Any]]) -> None:
        self._bucket = GridFSBucket(database, bucket_name=CHECKPOINTS)
        self._entries = database[f"{CHECKPOINTS}.files"]
        self._chunks = database[f"{CHECKPOINTS}.chunks"]

    def of(self, campaign: str, version: str, part: str) -> "FitCheckpoints":
        """Return those of one part of the training of a version.

        Parameters
        ----------
        version
            Key of the version, so that what is kept fits to settings and data.
        part
            Name of the part.
        """
        return FitCheckpoints(self, campaign, f"{campaign}/{version}/{part}")

    @translate_errors()
    def read(self, name: str) -> bytes | None:
        """Return what was kept last under a name; None if that is nothing, or not whole."""
        try:
            return self._bucket.open_download_stream_by_name(name).read()
        except (NoFile, CorruptGridFile):
            return None

    @translate_errors()
    def write(self, campaign: str, name: str, data: bytes) -> None:
        """Keep bytes under a name, and then delete what was kept there before."""
        new = f"{name}/{uuid4().hex}"
        metadata = {"campaign": campaign}
        self._bucket.upload_from_stream_with_id(new, name, data, metadata=metadata)
        self._delete(keys_of(name) | {"$ne": new})

    @translate_errors()
    def drop(self, campaign: str, model: str) -> None:
        """Delete the checkpoints of all versions of a model, by its key."""
        self._delete(keys_of(f"{campaign}/{model}"))

    @translate_errors()
    def drop_outdated(self, campaign: str, absorber: str, keep: Collection[str]) -> None:
        """Delete the checkpoints of an absorber, or of `ALL`, that nobody goes on with.

        Parameters
        ----------
        keep
            Keys of the versions that are wanted.
        """
        starts = tuple(f"{campaign}/{version}/" for version in keep)
        # One step in an index for each, also for pieces without an entry.
        for one in self._chunks.distinct("files_id", {"files_id": keys_of(campaign)}):
            # Target and absorber come first in a key.
            of_absorber = one.removeprefix(f"{campaign}/").split("/")[1] == absorber
            if of_absorber and not one.startswith(starts):
                self._delete({"$eq": one})

    def _delete(self, ids: dict[str, Any]) -> None:
        self._entries.delete_many({"_id": ids})
        self._chunks.delete_many({"files_id": ids})


class FitCheckpoints:
    """Checkpoints of one part of a training, by name within it."""

    def __init__(self, store: CheckpointStore, campaign: str, start: str) -> None:
        self._store, self._campaign, self._start = store, campaign, start

    def read(self, name: str) -> bytes | None:
        """Return what was kept last; None if that is nothing."""
        return self._store.read(f"{self._start}/{name}")

    def write(self, name: str, data: bytes) -> None:
        """Keep bytes instead of what was kept before, unless the database cannot take them.

        A training that cannot be kept is no worse than one that nobody kept; what it brings in the
        end is written by others, who say what is wrong with the database.
        """
        with suppress(CampaignError):
            self._store.write(self._campaign, f"{self._start}/{name}", data)
